// The statements of every sign-in, refresh and request, checked with the statistics of PostgreSQL.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startPrivateCluster, type PrivateCluster } from '../../../../scripts/postgres/private-cluster.ts'
import { inTransaction } from '../../contracts/store.ts'
import type { UserId } from '../../../src/domain/user.ts'
import { connectPool } from '../../../src/infrastructure/postgres/connect.ts'
import { aDevice, aSession, at, HOUR, sessionId } from '../../support/builders.ts'
import { migrateAt, storeOver, type PostgresStore } from './open-store.ts'

const USERS = 3_000

describe('the hot statements', () => {
  let cluster: PrivateCluster
  let store: Omit<PostgresStore, 'close'>

  beforeAll(async () => {
    // A private server: a vacuum that reads the table at the same time would keep old rows on its pages.
    cluster = await startPrivateCluster({ settings: { fsync: 'off', autovacuum: 'off' } })
    await migrateAt(cluster.url)
    // One connection, because prepared statements and their statistics belong to a connection.
    store = storeOver(connectPool(cluster.url, 1))
    await store.pool.query(
      `insert into users (username, username_key, email, email_key, email_verified, email_version, password_hash, password_version, roles, created_at)
       select 'user' || n, 'user' || n, 'user' || n || '@example.org', 'user' || n || '@example.org', false, 1, '$argon2id$x', 1, '{}', now()
       from generate_series(1, ${10 * USERS}) as n`,
    )
    await inTransaction(store, async (tx) => {
      for (let n = 1; n <= USERS; n += 1)
        await tx.sessions.add(aSession({ id: sessionId(n), userId: n as UserId }))
    })
    await store.pool.query(`insert into attempts
      select sha256(n::text::bytea), 1, '-infinity', now() from generate_series(1, ${10 * USERS}) as n`)
    await store.pool.query('analyze')
  })
  afterAll(async () => {
    await store.db.destroy()
    await cluster.stop()
  })

  const rotate = (number: number, generation: number, seconds: number) =>
    store.sessions.rotate({
      userId: number as UserId,
      sessionId: sessionId(number),
      generation,
      now: at(seconds),
      idleSeconds: HOUR,
      from: aDevice({ address: `198.51.100.${generation}`, userAgent: `Other/${generation}` }),
    })

  const call = async (): Promise<void> => {
    const budget = { key: 'a', free: 99, firstDelaySeconds: 1, longestDelaySeconds: 2, forgetAfterSeconds: 3 }
    await store.attempts.take([budget], at(0))
    await store.attempts.giveBack([budget], at(0))
    await store.users.findForSignIn(
      { usernameKey: 'user1', emailKey: undefined },
      { deviceId: 'phone', network: '203.0.113.7/32' },
    )
    await rotate(1, 0, 1)
    // One is sent by itself, one waits for the only connection, and the others share a batch.
    await Promise.all([11, 12, 13, 14].map((number) => rotate(number, 0, 1)))
    await store.sessions.find(1 as UserId, sessionId(1))
    await store.sessions.confirm([
      { userId: 1 as UserId, sessionId: sessionId(1), generation: 1, seenAt: at(2) },
    ])
  }

  const examples: [string, string, string[]][] = [
    ['rotate_session', `(1, '${sessionId(1)}', 0, now(), now(), '::1', 'x')`, ['sessions_pkey']],
    [
      'rotate_sessions',
      `(array[1], array['${sessionId(1)}'::uuid], array[0], array[now()], array[now()], array['::1'::inet], array['x'])`,
      ['sessions_pkey'],
    ],
    ['find_session', `(1, '${sessionId(1)}')`, ['sessions_pkey', 'users_pkey']],
    [
      'find_for_sign_in',
      `('user1', null, 'phone', '203.0.113.7/32')`,
      [
        'users_username_key_unique',
        'users_email_verified',
        'users_email_holders',
        'users_pkey',
        'sessions_pkey',
        'users_foreign_password_hash',
      ],
    ],
    [
      'confirm_receipts',
      `(array[1], array['${sessionId(1)}'::uuid], array[1], array[now()])`,
      ['sessions_pkey'],
    ],
    [
      'take_attempts',
      `(now(), array['a'::bytea], array[5], array[1::numeric], array[2::numeric], array[3::float8])`,
      ['attempts_pkey'],
    ],
    [
      'give_back_attempts',
      `(now(), array['a'::bytea], array[5], array[1::numeric], array[2::numeric], array[3::float8])`,
      ['attempts_pkey'],
    ],
  ]

  test('hot statements are prepared once per connection, under their names', async () => {
    await call()
    await call()
    const { rows } = await store.pool.query<{ name: string }>(
      'select name from pg_prepared_statements order by name',
    )
    expect(rows.map(({ name }) => name)).toEqual(examples.map(([name]) => name).sort())
  })

  test.each(examples)('the statement %s%s scans no table', async (name, parameters, indexes) => {
    await call()
    await store.pool.query('set plan_cache_mode = force_generic_plan')
    const { rows } = await store.pool.query<{ 'QUERY PLAN': string }>(`explain execute ${name} ${parameters}`)
    const plan = rows.map((row) => row['QUERY PLAN']).join('\n')
    expect(plan).not.toContain('Seq Scan')
    for (const index of indexes) expect(plan).toContain(index)
  })

  test('refreshing or confirming a session writes no index (HOT)', async () => {
    const updates = async () => {
      await store.pool.query('select pg_stat_force_next_flush()')
      const { rows } = await store.pool.query<{ all: number; hot: number }>(
        `select n_tup_upd as all, n_tup_hot_upd as hot from pg_stat_user_tables where relname = 'sessions'`,
      )
      return rows[0] ?? { all: 0, hot: 0 }
    }
    const before = await updates()
    for (let generation = 0; generation < 5; generation += 1) {
      for (let number = 100; number < 300; number += 1) await rotate(number, generation, generation)
    }
    // Far apart, as in production: a batch for all sessions of one page finds no free space on it.
    const receipts = Array.from({ length: 20 }, (_, number) => 100 + number * 40).map((number) => ({
      userId: number as UserId,
      sessionId: sessionId(number),
      generation: 0,
      seenAt: at(9),
    }))
    await store.sessions.confirm(receipts)
    const after = await updates()
    expect(after.all - before.all).toBe(1020)
    expect(after.hot - before.hot).toBe(1020)
  })

  test('hot statements keep working on open connections when a later version adds columns', async () => {
    await call()
    await store.pool.query('alter table users add column motto text')
    await store.pool.query('alter table sessions add column mood text')
    await expect(call()).resolves.toBeUndefined()
  })
})
