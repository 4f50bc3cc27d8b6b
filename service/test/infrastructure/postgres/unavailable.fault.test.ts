import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { startPrivateCluster, type PrivateCluster } from '../../../../scripts/postgres/private-cluster.ts'
import type { Transaction } from '../../../src/application/ports/transactions.ts'
import type { PasswordHash } from '../../../src/domain/password.ts'
import { endSession } from '../../../src/domain/session.ts'
import type { UserId } from '../../../src/domain/user.ts'
import { removeEndedSessions, removeOldRevocations } from '../../../src/infrastructure/postgres/clean-up.ts'
import { connectPool } from '../../../src/infrastructure/postgres/connect.ts'
import { DatabaseClock } from '../../../src/infrastructure/postgres/database-clock.ts'
import { migrate } from '../../../src/infrastructure/postgres/migrate.ts'
import { translate } from '../../../src/infrastructure/postgres/unavailable.ts'
import { aRevocation } from '../../contracts/revocation-log.contract.ts'
import { addUser, aNewUser, inTransaction } from '../../contracts/store.ts'
import { aSession, at, aUser, HOUR, sessionId } from '../../support/builders.ts'
import { migrateAt, openEmbedded, openOnServer, storeOver, type PostgresStore } from './open-store.ts'

type UsedStore = Omit<PostgresStore, 'close'>

const unavailable = {
  name: 'ApplicationError',
  code: 'unavailable',
  details: { retryAfterSeconds: expect.any(Number) as number },
}

const userId = 1 as UserId
const session = aSession({ userId })
const budget = { key: 'a', free: 5, firstDelaySeconds: 1, longestDelaySeconds: 2, forgetAfterSeconds: 3 }

const calls: [string, (store: UsedStore) => Promise<unknown>][] = [
  ['users.find', ({ users }) => users.find(userId)],
  [
    'users.findForSignIn',
    ({ users }) =>
      users.findForSignIn(
        { usernameKey: 'a', emailKey: undefined },
        { deviceId: undefined, network: '::/64' },
      ),
  ],
  [
    'users.renewPasswordHash',
    ({ users }) => users.renewPasswordHash(userId, '' as PasswordHash, '' as PasswordHash),
  ],
  ['sessions.find', ({ sessions }) => sessions.find(userId, sessionId(1))],
  [
    'sessions.rotate',
    ({ sessions }) =>
      sessions.rotate({ userId, sessionId: sessionId(1), generation: 0, now: at(0), idleSeconds: HOUR }),
  ],
  ['sessions.listLive', ({ sessions }) => sessions.listLive(userId, at(0))],
  [
    'sessions.confirm',
    ({ sessions }) => sessions.confirm([{ userId, sessionId: sessionId(1), generation: 0, seenAt: at(0) }]),
  ],
  ['attempts.check', ({ attempts }) => attempts.check([budget], at(0))],
  ['attempts.take', ({ attempts }) => attempts.take([budget], at(0))],
  ['attempts.giveBack', ({ attempts }) => attempts.giveBack([budget], at(0))],
  ['attempts.prove', ({ attempts }) => attempts.prove(budget, [], new Date())],
  ['attempts.removeForgotten', ({ attempts }) => attempts.removeForgotten(at(0), 1)],
  ['signingKeys.all', ({ signingKeys }) => signingKeys.all()],
  ['signingKeys.exclusively', ({ signingKeys }) => signingKeys.exclusively((locked) => locked.all())],
  ['transactions.transaction', ({ transactions }) => transactions.transaction(() => Promise.resolve())],
  ['removeEndedSessions', ({ db }) => removeEndedSessions(db, at(0), 1)],
  ['removeOldRevocations', ({ db }) => removeOldRevocations(db, at(0), 1)],
  ['the clock’s synchronise', ({ db }) => new DatabaseClock(db).synchronise()],
  ['migrate', ({ db }) => migrate(db)],
]

const steps: [string, (tx: Transaction) => Promise<unknown>][] = [
  ['users.lock', (tx) => tx.users.lock(userId)],
  ['users.add', (tx) => tx.users.add(aNewUser('bert'))],
  ['users.save', (tx) => tx.users.save(aUser())],
  ['sessions.lock', (tx) => tx.sessions.lock(userId, sessionId(1))],
  ['sessions.lockLive', (tx) => tx.sessions.lockLive(userId, at(0))],
  ['sessions.add', (tx) => tx.sessions.add(session)],
  ['sessions.saveEnded', (tx) => tx.sessions.saveEnded([endSession(session, 'terminated', at(0))])],
  ['sessions.saveRoles', (tx) => tx.sessions.saveRoles(userId, [])],
  ['sessions.lockRunOut', (tx) => tx.sessions.lockRunOut(at(0), 1)],
  ['revocations.add', (tx) => tx.revocations.add([aRevocation(1, { userId })])],
  ['outbox.add', (tx) => tx.outbox.add([{ type: 'user.enabled', userId, occurredAt: at(0), data: {} }])],
]

/** Waits until they are gone. */
const endOtherConnections = `select pg_terminate_backend(pid, 5000) from pg_stat_activity
  where backend_type = 'client backend' and pid <> pg_backend_pid()`

/** Right answers, each to its own question, on every connection of the pool. */
async function expectRightAnswers({ db }: UsedStore): Promise<void> {
  const numbers = Array.from({ length: 40 }, (_, number) => number)
  const answers = numbers.map(async (number) => {
    const { rows } = await sql<{ answer: number }>`select ${number}::integer as answer`.execute(db)
    return rows[0]?.answer
  })
  expect(await Promise.all(answers)).toEqual(numbers)
}

describe('a server that is away', () => {
  let cluster: PrivateCluster
  let store: UsedStore

  beforeAll(async () => {
    cluster = await startPrivateCluster({ settings: { fsync: 'off' } })
    await migrateAt(cluster.url)
    store = storeOver(connectPool(cluster.url, 4))
  })
  afterAll(async () => {
    await store.db.destroy()
    await cluster.stop()
  })

  /** On return its processes have noticed, and the pool too. */
  async function kill(): Promise<void> {
    await cluster.kill()
    await vi.waitFor(() => expect(store.pool.totalCount).toBe(0), { timeout: 20_000 })
  }

  test('makes every call unavailable, never a refusal, and all work again when it is back', async () => {
    await expectRightAnswers(store)
    await kill()
    for (const [name, call] of calls) await expect(call(store), name).rejects.toMatchObject(unavailable)
    await cluster.restart()
    for (const [name, call] of calls) await expect(call(store), name).resolves.not.toThrow()
    await expectRightAnswers(store)
  })

  test('makes the next step of a transaction unavailable, whichever it is, and leaves nothing of it', async () => {
    const { id } = await addUser(store, 'anna')
    const admin = connectPool(cluster.url, 1)
    for (const [name, step] of steps) {
      const transaction = inTransaction(store, async (tx) => {
        await tx.users.lock(id)
        await tx.outbox.add([{ type: 'user.enabled', userId: id, occurredAt: at(0), data: {} }])
        await admin.query(endOtherConnections)
        await step(tx)
      })
      await expect(transaction, name).rejects.toMatchObject(unavailable)
    }
    await admin.end()
    expect(await store.events()).toEqual([])
  })

  test('that lets nobody in makes a call unavailable, and its words are the cause', async () => {
    const refusals = [
      [withUrl({ pathname: '/nowhere' }), '3D000', 'database "nowhere" does not exist'],
      [withUrl({ username: 'nobody' }), '28000', 'role "nobody" does not exist'],
    ] as const
    for (const [url, code, message] of refusals) {
      const refused = storeOver(connectPool(url, 1))
      const cause = expect.objectContaining({ code, message }) as unknown
      await expect(refused.users.find(userId)).rejects.toMatchObject({ ...unavailable, cause })
      await expect(migrate(refused.db)).rejects.toMatchObject({ ...unavailable, cause })
      await refused.db.destroy()
    }
  })

  const withUrl = (parts: { pathname?: string; username?: string }): string =>
    Object.assign(new URL(cluster.url), parts).href

  test('that is not there makes a call unavailable, and the cause says so', async () => {
    await kill()
    const cause = expect.objectContaining({
      message: expect.stringMatching(/^connect ECONNREFUSED 127\.0\.0\.1:\d+$/) as string,
    }) as unknown
    await expect(store.users.find(userId)).rejects.toMatchObject({ ...unavailable, cause })
    await cluster.restart()
  })

  test('that has several addresses is not there for what the first one said', () => {
    const [first, second] = ['::1', '127.0.0.1'].map(
      (address) => new Error(`connect ECONNREFUSED ${address}:1`),
    )
    expect(translate(new AggregateError([first, second]))).toMatchObject({ ...unavailable, cause: first })
  })

  test('that ends a connection between two statements is heard: its words are the cause', async () => {
    const admin = connectPool(cluster.url, 1)
    const failing = store.db.transaction().execute(async (trx) => {
      await sql`select 1`.execute(trx)
      await admin.query(endOtherConnections)
      await sql`select 2`.execute(trx)
    })
    const cause = expect.objectContaining({ code: '57P01' }) as unknown
    await expect(failing).rejects.toMatchObject({ ...unavailable, cause })
    await admin.end()
    await expectRightAnswers(store)
  })

  test('that ends a transaction for being idle is heard, too', async () => {
    const failing = store.db.transaction().execute(async (trx) => {
      await sql`set local idle_in_transaction_session_timeout = 1`.execute(trx)
      const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(trx)
      await vi.waitFor(async () => {
        const alive = await sql`select from pg_stat_activity where pid = ${rows[0]?.pid}`.execute(store.db)
        expect(alive.rows).toEqual([])
      })
      await sql`select 2`.execute(trx)
    })
    const cause = expect.objectContaining({ code: '25P03' }) as unknown
    await expect(failing).rejects.toMatchObject({ ...unavailable, cause })
    await expectRightAnswers(store)
  })

  test('that goes down under statements at work makes those unavailable', async () => {
    const statements = [1, 2, 3].map(() => sql`select pg_sleep(600)`.execute(store.db))
    const settled = Promise.allSettled(statements)
    for (;;) {
      const { rows } = await store.pool.query("select from pg_stat_activity where wait_event = 'PgSleep'")
      if (rows.length === 3) break
    }
    await cluster.kill()
    for (const each of await settled) expect(each).toMatchObject({ status: 'rejected', reason: unavailable })
    await cluster.restart()
    await expectRightAnswers(store)
  })
})

describe.concurrent('a server that is slow', () => {
  test('makes a statement unavailable at its deadline, and the pool gives right answers then', async ({
    expect,
    onTestFinished,
  }) => {
    const store = await openOnServer(2)
    onTestFinished(() => store.close())
    const slow = [1, 2].map(() => sql`select pg_sleep(600)`.execute(store.db))
    for (const each of await Promise.allSettled(slow)) expect(each).toMatchObject({ reason: unavailable })
    await expectRightAnswers(store)
  })

  test('or whose lock is held makes the transaction unavailable, and it succeeds later', async ({
    expect,
    onTestFinished,
  }) => {
    const store = await openOnServer(2)
    onTestFinished(() => store.close())
    const { id } = await addUser(store, 'anna')
    const holder = await store.pool.connect()
    await holder.query('begin')
    await holder.query('select from users for update')
    const lock = () => inTransaction(store, (tx) => tx.users.lock(id))
    await expect(lock()).rejects.toMatchObject(unavailable)
    await holder.query('rollback')
    holder.release()
    expect((await lock())?.id).toBe(id)
    await expectRightAnswers(store)
  })

  test('or answers nothing at all makes a statement unavailable, and its late answer reaches nobody', async ({
    expect,
    onTestFinished,
  }) => {
    const cluster = await startPrivateCluster({ settings: { fsync: 'off' } })
    onTestFinished(() => cluster.stop())
    const store = storeOver(connectPool(cluster.url, 1))
    const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(store.db)
    const pid = rows[0]?.pid ?? 0
    process.kill(pid, 'SIGSTOP')
    await expect(sql`select 'late' as answer`.execute(store.db)).rejects.toMatchObject(unavailable)
    await expectRightAnswers(store)
    process.kill(pid, 'SIGCONT')
    await expectRightAnswers(store)
    await store.db.destroy()
  })

  test('lets callers wait for a connection no longer than a deadline', async ({ expect, onTestFinished }) => {
    const store = await openOnServer(2)
    onTestFinished(() => store.close())
    const slowWork = Promise.withResolvers<undefined>()
    const holding = [1, 2].map(() => inTransaction(store, () => slowWork.promise))
    const others = Array.from({ length: 20 }, () => store.users.find(userId))
    for (const each of await Promise.allSettled(others)) expect(each).toMatchObject({ reason: unavailable })
    slowWork.resolve(undefined)
    await Promise.all(holding)
    await expectRightAnswers(store)
  })
})

test('far more callers than connections are all served', async () => {
  const store = await openOnServer(2)
  const { id } = await addUser(store, 'anna')
  const work = () =>
    inTransaction(store, async (tx) => {
      const user = await tx.users.lock(id)
      if (user !== undefined) await tx.users.save({ ...user, passwordVersion: user.passwordVersion + 1 })
    })
  await Promise.all(Array.from({ length: 100 }, work))
  expect((await store.users.find(id))?.passwordVersion).toBe(101)
  await store.close()
})

describe.each([
  ['PGlite', openEmbedded],
  ['PostgreSQL', () => openOnServer()],
])('an error on %s', (_, open) => {
  let store: PostgresStore
  beforeAll(async () => {
    store = await open()
  })
  afterAll(() => store.close())

  test.each([
    ['of syntax', sql`selectt`, '42601'],
    ['of a value', sql`select 'x'::text::integer`, '22P02'],
    ['of a prepared parameter', sql`select ${'x'}::text::integer`, '22P02'],
  ])('%s is our own mistake: thrown as it is, and right answers follow', async (__, statement, code) => {
    await expect(statement.execute(store.db)).rejects.toMatchObject({ code })
    await expectRightAnswers(store)
  })

  test('in a transaction undoes it, and right answers follow', async () => {
    const failing = store.db.transaction().execute(async (trx) => {
      await trx
        .insertInto('attempts')
        .values({ key: Buffer.of(1), count: 1, allowed_at: at(0), forget_at: at(0) })
        .execute()
      await sql`select 1 / 0`.execute(trx)
    })
    await expect(failing).rejects.toMatchObject({ code: '22012' })
    expect(await store.db.selectFrom('attempts').selectAll().execute()).toEqual([])
    await expectRightAnswers(store)
  })

  test('of the server’s state is unavailable, inside a transaction too, which is undone', async () => {
    const raise = sql`do $$ begin raise exception using errcode = 'disk_full'; end $$`
    await expect(raise.execute(store.db)).rejects.toMatchObject(unavailable)
    const failing = store.db.transaction().execute(async (trx) => {
      await trx
        .insertInto('attempts')
        .values({ key: Buffer.of(1), count: 1, allowed_at: at(0), forget_at: at(0) })
        .execute()
      await raise.execute(trx)
    })
    await expect(failing).rejects.toMatchObject(unavailable)
    expect(await store.db.selectFrom('attempts').selectAll().execute()).toEqual([])
    await expectRightAnswers(store)
  })

  test('is what every later step of its transaction fails with, so that the log has the cause', async () => {
    const raise = sql`do $$ begin raise exception 'could not extend file' using errcode = 'disk_full'; end $$`
    const failures: unknown[] = []
    const failing = store.db.transaction().execute(async (trx) => {
      for (const statement of [raise, sql`select 1`, sql`select 2`]) {
        await statement.execute(trx).catch((error: unknown) => failures.push(error))
      }
      throw failures[2]
    })
    const cause = expect.objectContaining({ code: '53100', message: 'could not extend file' }) as unknown
    await expect(failing).rejects.toMatchObject({ ...unavailable, cause })
    expect(new Set(failures).size).toBe(1)
    await expectRightAnswers(store)
  })

  test.each(['08006', '53300', '57P01', '57014', '58030', '55P03', '25006', '25P03', '25P04'])(
    'with the state %s is unavailable',
    async (code) => {
      const raise = sql`do $$ begin raise exception using errcode = ${sql.lit(code)}; end $$`
      await expect(raise.execute(store.db)).rejects.toMatchObject(unavailable)
    },
  )

  test.each(['23505', '22001', '42P01', 'XX000', 'P0001'])(
    'with the state %s is thrown as it is',
    async (code) => {
      const raise = sql`do $$ begin raise exception using errcode = ${sql.lit(code)}; end $$`
      await expect(raise.execute(store.db)).rejects.toMatchObject({ code })
    },
  )
})
