// Parallel transactions, so only on PostgreSQL: the embedded database has one connection.
import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { SessionKey } from '../../../src/application/ports/sessions.ts'
import type { Transaction } from '../../../src/application/ports/transactions.ts'
import { parseEmailAddress } from '../../../src/domain/email-address.ts'
import { userEnabled } from '../../../src/domain/event.ts'
import type { Session } from '../../../src/domain/session.ts'
import { deleteUser, type User } from '../../../src/domain/user.ts'
import { parseUsername } from '../../../src/domain/username.ts'
import { addSession, addUser, inTransaction, readSession } from '../../contracts/store.ts'
import { aDevice, at, DAY, HOUR, sessionId } from '../../support/builders.ts'
import { openOnServer, type PostgresStore } from './open-store.ts'

let store: PostgresStore
let anna: User
let bert: User

beforeAll(async () => {
  store = await openOnServer()
})
beforeEach(async () => {
  await store.clear()
  anna = await addUser(store, 'anna')
  bert = await addUser(store, 'bert')
})
afterAll(() => store.close())

/** A transaction that has done `work` and stays open until `end` is called; then it does its `last` work. */
async function openTransaction(
  work: (tx: Transaction) => Promise<unknown>,
  last: (tx: Transaction) => Promise<unknown> = () => Promise.resolve(),
) {
  const worked = Promise.withResolvers<undefined>()
  const mayEnd = Promise.withResolvers<undefined>()
  const ended = inTransaction(store, async (tx) => {
    await work(tx)
    worked.resolve(undefined)
    await mayEnd.promise
    await last(tx)
  })
  await Promise.race([worked.promise, ended])
  return {
    end: () => {
      mayEnd.resolve(undefined)
      return ended
    },
  }
}

/** Resolves when `count` statements wait for a lock. */
async function waiting(count: number): Promise<void> {
  for (;;) {
    const { rows } = await sql<{ count: number }>`select count(*) from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock'`.execute(store.db)
    if (rows[0]?.count === count) return
  }
}

const refresh = ({ userId, id, generation }: Session) =>
  store.sessions.rotate({
    userId,
    sessionId: id,
    generation,
    now: at(30),
    idleSeconds: HOUR,
    from: aDevice(),
  })

describe('a session that is locked', () => {
  test.each([
    ['alone', (tx: Transaction, { userId, id }: Session) => tx.sessions.lock(userId, id)],
    ['with all live ones', (tx: Transaction, { userId }: Session) => tx.sessions.lockLive(userId, at(0))],
  ])('a session that is locked %s is not refreshed until the transaction ends', async (_, lock) => {
    const session = await addSession(store, anna)
    const transaction = await openTransaction(
      (tx) => lock(tx, session),
      (tx) => tx.sessions.saveEnded([{ ...session, endedAt: at(10), endReason: 'terminated' }]),
    )
    const refreshed = refresh(session)
    await waiting(1)
    await transaction.end()
    expect(await refreshed).toBeUndefined()
  })
})

describe('roles that change', () => {
  test(
    'roles that change while a refresh waits for them are in its result',
    { tags: ['SESSION-8'] },
    async () => {
      const session = await addSession(store, anna, { generation: 3 })
      const change = await openTransaction(async (tx) => {
        await tx.users.save({ ...anna, roles: ['moderator'] })
        await tx.sessions.saveRoles(anna.id, ['moderator'])
      })
      // It starts before the change is committed: its snapshot has the old roles.
      const refreshed = refresh(session)
      await waiting(1)
      await change.end()
      expect(await refreshed).toMatchObject({ generation: 4, roles: ['moderator'] })
    },
  )

  test('a change of roles waits for a refresh in flight, and includes its generation', async () => {
    const session = await addSession(store, anna)
    const holder = await store.pool.connect()
    await holder.query('begin')
    await holder.query('update sessions set generation = generation + 1')
    const saved = inTransaction(store, (tx) => tx.sessions.saveRoles(anna.id, ['moderator']))
    await waiting(1)
    await holder.query('commit')
    holder.release()
    expect(await saved).toEqual([{ ...session, generation: 1, roles: ['moderator'] }])
  })

  test('changes of roles and receipts of the same sessions do not deadlock', async () => {
    const ids = Array.from({ length: 30 }, (_, at) => sessionId(at + 1))
    for (const id of ids.toReversed()) await addSession(store, anna, { id, idleExpiresAt: at(HOUR) })
    const seen = ids.map((id) => ({ userId: anna.id, sessionId: id, generation: 0, seenAt: at(1) }))
    const rounds = Array.from({ length: 40 }, (_, round) => [
      store.sessions.confirm(seen),
      inTransaction(store, (tx) => tx.sessions.saveRoles(anna.id, [`role-${round}`])),
    ])
    await Promise.all(rounds.flat())
    const { rows } = await sql<{ count: number }>`select count(distinct roles) from sessions`.execute(
      store.db,
    )
    expect(rows[0]?.count).toBe(1)
  })
})

test('a lock on a user waits for no other user, and reads the latest state', async () => {
  const transaction = await openTransaction(async (tx) => {
    await tx.users.lock(anna.id)
    await tx.users.save({ ...anna, passwordVersion: 2 })
  })
  await inTransaction(store, (tx) => tx.users.lock(bert.id))
  const locked = inTransaction(store, (tx) => tx.users.lock(anna.id))
  await waiting(1)
  await transaction.end()
  expect((await locked)?.passwordVersion).toBe(2)
})

test('a locked user can still be read as before the transaction', async () => {
  const transaction = await openTransaction((tx) => tx.users.save({ ...anna, passwordVersion: 2 }))
  expect(await store.users.find(anna.id)).toEqual(anna)
  await transaction.end()
})

test('a receipt waits for a refresh in flight and sees its generation', async () => {
  const session = await addSession(store, anna)
  const holder = await store.pool.connect()
  await holder.query('begin')
  await holder.query('update sessions set generation = 1')
  const seen = { userId: anna.id, sessionId: session.id, generation: 1, seenAt: at(60) }
  const confirmed = store.sessions.confirm([seen])
  await waiting(1)
  await holder.query('commit')
  holder.release()
  await confirmed
  expect(await readSession(store, session)).toMatchObject({ generation: 1, confirmedGeneration: 1 })
})

describe('a registration with the name of a user who is being deleted', () => {
  const wanting = (name: string) =>
    addUser(store, 'other', { username: parseUsername(name), email: parseEmailAddress('new@example.org') })

  test.each(['paypal', 'PAYPAL', 'paypa1'])(
    'a registration as %s waits for a deletion that holds the name, and is refused',
    async (name) => {
      const paypal = await addUser(store, 'paypal')
      const deletion = await openTransaction(async (tx) => {
        await tx.users.lock(paypal.id)
        await tx.users.holdName(paypal.username, at(DAY), undefined)
        await tx.users.save(deleteUser(paypal, at(1)))
      })
      const refused = expect(wanting(name)).rejects.toMatchObject({ code: 'username_taken' })
      await waiting(1)
      await deletion.end()
      await refused
    },
  )
})

test('a page of sessions that all end meanwhile does not hide the sessions after it', async () => {
  const ofAnna = await addSession(store, anna)
  const ofBert = await addSession(store, bert, { id: sessionId(2) })
  const end = await openTransaction(async (tx) => {
    await tx.users.lock(anna.id)
    await tx.sessions.saveEnded([{ ...ofAnna, endedAt: at(10), endReason: 'signed_out' }])
  })
  const pageAfter = (after: SessionKey | undefined) =>
    inTransaction(store, (tx) =>
      tx.sessions.lockLiveAfter({ after, now: at(20), except: undefined, limit: 1 }),
    )
  const page = pageAfter(undefined)
  await waiting(1)
  await end.end()
  const { sessions, next } = await page
  expect([sessions, next]).toEqual([[], { userId: anna.id, id: ofAnna.id }])
  expect((await pageAfter(next)).sessions).toEqual([ofBert])
})

describe('lockExpired', () => {
  const idle = { idleExpiresAt: at(60) }
  const lockExpired = (tx: Transaction, limit = 10) => tx.sessions.lockExpired(at(60), limit)

  test('looking for sessions that ran out skips users that are held, without waiting', async () => {
    await addSession(store, anna, idle)
    const ofBert = await addSession(store, bert, { ...idle, id: sessionId(2) })
    const transaction = await openTransaction((tx) => tx.users.lock(anna.id))
    expect(await inTransaction(store, lockExpired)).toEqual([ofBert])
    await transaction.end()
    expect(await inTransaction(store, lockExpired)).toHaveLength(2)
  })

  test('looking for sessions that ran out holds their users', async () => {
    await addSession(store, anna, idle)
    const transaction = await openTransaction(lockExpired)
    const locked = inTransaction(store, (tx) => tx.users.lock(anna.id))
    await waiting(1)
    await transaction.end()
    expect(await locked).toEqual(anna)
  })

  test('two instances that look for sessions that ran out find each session once', async () => {
    await addSession(store, anna, idle)
    await addSession(store, bert, { ...idle, id: sessionId(2) })
    const first = await openTransaction((tx) => lockExpired(tx, 1))
    const second = await inTransaction(store, (tx) => lockExpired(tx, 10))
    expect(second).toHaveLength(1)
    await first.end()
  })

  test('a refreshed session is checked again when it runs out', async () => {
    const session = await addSession(store, anna, idle)
    await refresh(session)
    await inTransaction(store, lockExpired)
    const { rows } = await store.pool.query<{ check_after: Date }>('select check_after from sessions')
    expect(rows).toEqual([{ check_after: at(30 + HOUR) }])
  })
})

describe('a transaction that meets a conflict', () => {
  test('two transactions that deadlock both succeed, because one runs again', async () => {
    const bothHoldOne = Promise.withResolvers<undefined>()
    let holding = 0
    let runs = 0
    const lockBoth = ([first, second]: [User, User]) =>
      inTransaction(store, async (tx) => {
        runs += 1
        await tx.users.lock(first.id)
        if ((holding += 1) === 2) bothHoldOne.resolve(undefined)
        await bothHoldOne.promise
        await tx.users.lock(second.id)
        await tx.outbox.add([userEnabled(first.id, undefined, at(runs))])
      })
    await Promise.all([lockBoth([anna, bert]), lockBoth([bert, anna])])
    // At least one of them is rolled back once. It may meet the other again.
    expect(runs).toBeGreaterThanOrEqual(3)
    expect(await store.events()).toHaveLength(2)
  })

  test('a transaction with a conflict fails as unavailable after three runs', async () => {
    await store.pool.query(`create function conflict() returns trigger language plpgsql as
      $$ begin raise exception using errcode = 'serialization_failure'; end $$`)
    await store.pool.query('create trigger conflict before insert on outbox execute function conflict()')
    let runs = 0
    const failing = inTransaction(store, async (tx) => {
      runs += 1
      await tx.outbox.add([userEnabled(anna.id, undefined, at(1))])
    })
    await expect(failing).rejects.toMatchObject({ code: 'unavailable', details: { retryAfterSeconds: 1 } })
    await store.pool.query('drop function conflict cascade')
    expect(runs).toBe(3)
  })
})
