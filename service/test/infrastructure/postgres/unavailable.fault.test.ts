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
import type { Database } from '../../../src/infrastructure/postgres/database.ts'
import { migrate } from '../../../src/infrastructure/postgres/migrate.ts'
import { translate } from '../../../src/infrastructure/postgres/unavailable.ts'
import { aRevocation } from '../../contracts/revocation-log.contract.ts'
import { addUser, aNewUser, inTransaction } from '../../contracts/store.ts'
import { aDevice, aSession, at, aUser, HOUR, sessionId } from '../../support/builders.ts'
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
      sessions.rotate({
        userId,
        sessionId: sessionId(1),
        generation: 0,
        now: at(0),
        idleSeconds: HOUR,
        from: aDevice(),
      }),
  ],
  ['sessions.listLive', ({ sessions }) => sessions.listLive(userId, at(0))],
  [
    'sessions.confirm',
    ({ sessions }) => sessions.confirm([{ userId, sessionId: sessionId(1), generation: 0, seenAt: at(0) }]),
  ],
  ['spentProofs.spend', ({ spentProofs }) => spentProofs.spend({ id: Buffer.alloc(32), expiresAt: at(0) })],
  ['spentProofs.removeExpired', ({ spentProofs }) => spentProofs.removeExpired(at(0), 1)],
  ['attempts.take', ({ attempts }) => attempts.take([budget], at(0))],
  ['attempts.giveBack', ({ attempts }) => attempts.giveBack([budget], at(0))],
  ['attempts.reset', ({ attempts }) => attempts.reset(budget)],
  ['attempts.removeForgotten', ({ attempts }) => attempts.removeForgotten(at(0), 1)],
  ['signingKeys.all', ({ signingKeys }) => signingKeys.all()],
  ['signingKeys.exclusively', ({ signingKeys }) => signingKeys.exclusively((locked) => locked.all())],
  [
    'transactions.transaction',
    ({ transactions }) => transactions.transaction('system', () => Promise.resolve()),
  ],
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
  ['sessions.saveRefreshed', (tx) => tx.sessions.saveRefreshed(session)],
  ['sessions.saveRoles', (tx) => tx.sessions.saveRoles(userId, [])],
  ['sessions.lockAll', (tx) => tx.sessions.lockAll([session])],
  [
    'sessions.lockLiveAfter',
    (tx) => tx.sessions.lockLiveAfter({ after: undefined, now: at(0), except: undefined, limit: 1 }),
  ],
  ['sessions.lockExpired', (tx) => tx.sessions.lockExpired(at(0), 1)],
  ['revocations.add', (tx) => tx.revocations.add([aRevocation(1, { userId })])],
  [
    'outbox.add',
    (tx) => tx.outbox.add([{ type: 'user.enabled', userId, occurredAt: at(0), data: { note: null } }]),
  ],
]

/** A serialization failure, and a deadlock. */
const conflicts = ['40001', '40P01']
/** A pooler gave the client another connection than the one that prepared the statement. */
const lost = ['42P05', '26000']

/** Waits until the connections are gone. */
const endOtherConnections = `select pg_terminate_backend(pid, 5000) from pg_stat_activity
  where backend_type = 'client backend' and pid <> pg_backend_pid()`

/** Every query on every connection of the pool gets its own result. */
async function expectRightResults({ db }: UsedStore): Promise<void> {
  const numbers = Array.from({ length: 40 }, (_, number) => number)
  const results = numbers.map(async (number) => {
    const { rows } = await sql<{ result: number }>`select ${number}::integer as result`.execute(db)
    return rows[0]?.result
  })
  expect(await Promise.all(results)).toEqual(numbers)
}

describe('a server that is unreachable', () => {
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

  /** When it returns, the server's processes have ended, and the pool has noticed. */
  async function kill(): Promise<void> {
    await cluster.kill()
    await vi.waitFor(() => expect(store.pool.totalCount).toBe(0), { timeout: 60_000 })
  }

  test(
    'an unreachable server makes every call unavailable, and all work when it is back',
    { tags: ['OPS-4'] },
    async () => {
      await expectRightResults(store)
      await kill()
      for (const [name, call] of calls) await expect(call(store), name).rejects.toMatchObject(unavailable)
      await cluster.restart()
      for (const [name, call] of calls) await expect(call(store), name).resolves.not.toThrow()
      await expectRightResults(store)
    },
  )

  test('an unreachable server makes any step of a transaction unavailable, and nothing is written', async () => {
    const { id } = await addUser(store, 'anna')
    const admin = connectPool(cluster.url, 1)
    for (const [name, step] of steps) {
      const transaction = inTransaction(store, async (tx) => {
        await tx.users.lock(id)
        await tx.outbox.add([{ type: 'user.enabled', userId: id, occurredAt: at(0), data: { note: null } }])
        await admin.query(endOtherConnections)
        await step(tx)
      })
      await expect(transaction, name).rejects.toMatchObject(unavailable)
    }
    await admin.end()
    expect(await store.events()).toEqual([])
  })

  test(
    'a server that refuses the connection makes a call unavailable, with its error as the cause',
    { tags: ['OPS-5'] },
    async () => {
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
    },
  )

  const withUrl = (parts: { pathname?: string; username?: string }): string =>
    Object.assign(new URL(cluster.url), parts).href

  test('without a running server a call is unavailable, caused by the refused connection', async () => {
    await kill()
    const cause = expect.objectContaining({
      message: expect.stringMatching(/^connect ECONNREFUSED 127\.0\.0\.1:\d+$/) as string,
    }) as unknown
    await expect(store.users.find(userId)).rejects.toMatchObject({ ...unavailable, cause })
    await cluster.restart()
  })

  test('for a server with several addresses the error of the first is the cause', () => {
    const [first, second] = ['::1', '127.0.0.1'].map(
      (address) => new Error(`connect ECONNREFUSED ${address}:1`),
    )
    expect(translate(new AggregateError([first, second]))).toMatchObject({ ...unavailable, cause: first })
  })

  test('if the server ends a connection between two statements, its error is the cause', async () => {
    const admin = connectPool(cluster.url, 1)
    const failing = store.db.transaction().execute(async (trx) => {
      await sql`select 1`.execute(trx)
      await admin.query(endOtherConnections)
      await sql`select 2`.execute(trx)
    })
    const cause = expect.objectContaining({ code: '57P01' }) as unknown
    await expect(failing).rejects.toMatchObject({ ...unavailable, cause })
    await admin.end()
    await expectRightResults(store)
  })

  test('if the server ends an idle transaction, its error is the cause', async () => {
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
    await expectRightResults(store)
  })

  test('a server that goes down makes the running statements unavailable', async () => {
    const statements = [1, 2, 3].map(() => sql`select pg_sleep(600)`.execute(store.db))
    const settled = Promise.allSettled(statements)
    for (;;) {
      const { rows } = await store.pool.query("select from pg_stat_activity where wait_event = 'PgSleep'")
      if (rows.length === 3) break
    }
    await cluster.kill()
    for (const each of await settled) expect(each).toMatchObject({ status: 'rejected', reason: unavailable })
    await cluster.restart()
    await expectRightResults(store)
  })
})

describe.concurrent('a server that is slow', () => {
  test('a slow statement is unavailable at its deadline, and later results are right', async ({
    expect,
    onTestFinished,
  }) => {
    const store = await openOnServer(2)
    onTestFinished(() => store.close())
    const slow = [1, 2].map(() => sql`select pg_sleep(600)`.execute(store.db))
    for (const each of await Promise.allSettled(slow)) expect(each).toMatchObject({ reason: unavailable })
    await expectRightResults(store)
  })

  test('a transaction whose lock is held is unavailable, and succeeds later', async ({
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
    await expectRightResults(store)
  })

  test('a statement without a response is unavailable, and its late result is dropped', async ({
    expect,
    onTestFinished,
  }) => {
    const cluster = await startPrivateCluster({ settings: { fsync: 'off' } })
    onTestFinished(() => cluster.stop())
    const store = storeOver(connectPool(cluster.url, 1))
    const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(store.db)
    const pid = rows[0]?.pid ?? 0
    process.kill(pid, 'SIGSTOP')
    await expect(sql`select 'late' as result`.execute(store.db)).rejects.toMatchObject(unavailable)
    await expectRightResults(store)
    process.kill(pid, 'SIGCONT')
    await expectRightResults(store)
    await store.db.destroy()
  })

  test('callers wait for a connection no longer than the deadline', async ({ expect, onTestFinished }) => {
    const store = await openOnServer(2)
    onTestFinished(() => store.close())
    const slowWork = Promise.withResolvers<undefined>()
    const holding = [1, 2].map(() => inTransaction(store, () => slowWork.promise))
    const others = Array.from({ length: 20 }, () => store.users.find(userId))
    for (const each of await Promise.allSettled(others)) expect(each).toMatchObject({ reason: unavailable })
    slowWork.resolve(undefined)
    await Promise.all(holding)
    await expectRightResults(store)
  })
})

test(
  'a connection that has lost its prepared statements is unavailable once, and replaced',
  { tags: ['OPS-14'] },
  async () => {
    const store = await openOnServer(1)
    await store.sessions.find(userId, sessionId(1))
    await sql`deallocate all`.execute(store.db)
    const cause = expect.objectContaining({ code: '26000' }) as unknown
    await expect(store.sessions.find(userId, sessionId(1))).rejects.toMatchObject({ ...unavailable, cause })
    expect(await store.sessions.find(userId, sessionId(1))).toBeUndefined()
    await store.close()
  },
)

describe.each(conflicts)('a conflict with the state %s', (code) => {
  let store: PostgresStore
  beforeAll(async () => {
    store = await openOnServer(2)
    await store.pool.query('create sequence attempts_made')
  })
  afterAll(() => store.close())

  /** Fails the first `failures` times. */
  const conflict = async (failures: number) => {
    await store.pool.query("select setval('attempts_made', 1, false)")
    return sql`
      create or replace function meet() returns bigint language plpgsql as $$
      declare made bigint := nextval('attempts_made');
      begin
        if made <= ${sql.lit(failures)} then raise exception using errcode = ${sql.lit(code)}; end if;
        return made;
      end $$`.execute(store.db)
  }
  const meet = (db: Database) => sql<{ made: number }>`select meet() as made`.execute(db)

  test('a single statement is tried three times', async () => {
    await conflict(2)
    expect((await meet(store.db)).rows).toEqual([{ made: 3 }])
  })

  test(
    'a single statement that always conflicts is unavailable after three attempts',
    { tags: ['OPS-14'] },
    async () => {
      await conflict(1_000)
      await expect(meet(store.db)).rejects.toMatchObject(unavailable)
      expect((await store.pool.query('select last_value::int from attempts_made')).rows).toEqual([
        { last_value: 3 },
      ])
      await expectRightResults(store)
    },
  )

  test('a statement in a transaction is tried once, because the transaction failed as a whole', async () => {
    await conflict(1_000)
    await expect(store.db.transaction().execute((trx) => meet(trx))).rejects.toMatchObject(unavailable)
    expect((await store.pool.query('select last_value::int from attempts_made')).rows).toEqual([
      { last_value: 1 },
    ])
    await expectRightResults(store)
  })
})

test('many more callers than connections all succeed', async () => {
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
  ])('an error %s is thrown as it is, and later results are right', async (__, statement, code) => {
    await expect(statement.execute(store.db)).rejects.toMatchObject({ code })
    await expectRightResults(store)
  })

  test('an error in a transaction rolls it back, and later results are right', async () => {
    const failing = store.db.transaction().execute(async (trx) => {
      await trx
        .insertInto('attempts')
        .values({ key: Buffer.of(1), count: 1, allowed_at: at(0), forget_at: at(0) })
        .execute()
      await sql`select 1 / 0`.execute(trx)
    })
    await expect(failing).rejects.toMatchObject({ code: '22012' })
    expect(await store.db.selectFrom('attempts').selectAll().execute()).toEqual([])
    await expectRightResults(store)
  })

  test('an error of the server’s state is unavailable, and rolls its transaction back', async () => {
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
    await expectRightResults(store)
  })

  test(
    'every later step of a failed transaction fails with the first error',
    { tags: ['OPS-5'] },
    async () => {
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
      await expectRightResults(store)
    },
  )

  test.each([
    '08006',
    '53300',
    '57P01',
    '57014',
    '58030',
    '55P03',
    '25006',
    '25P03',
    '25P04',
    ...conflicts,
    ...lost,
  ])('an error with the state %s is unavailable', async (code) => {
    const raise = sql`do $$ begin raise exception using errcode = ${sql.lit(code)}; end $$`
    await expect(raise.execute(store.db)).rejects.toMatchObject(unavailable)
  })

  test.each(['23505', '22001', '42P01', 'XX000', 'P0001'])(
    'an error with the state %s is thrown as it is',
    async (code) => {
      const raise = sql`do $$ begin raise exception using errcode = ${sql.lit(code)}; end $$`
      await expect(raise.execute(store.db)).rejects.toMatchObject({ code })
    },
  )
})
