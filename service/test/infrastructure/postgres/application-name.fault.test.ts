// How the server's list of connections tells the pools of instances and other programs apart.
import type pg from 'pg'
import { beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { startPrivateCluster, type PrivateCluster } from '../../../../scripts/postgres/private-cluster.ts'
import { withName } from '../../../src/infrastructure/postgres/application-name.ts'
import { connectPool, connectWatchedPool } from '../../../src/infrastructure/postgres/connect.ts'
import { openDatabase } from '../../../src/infrastructure/postgres/database.ts'
import { hasOverdueStatements } from '../../../src/infrastructure/postgres/overdue-statements.ts'
import { countServingInstances } from '../../../src/infrastructure/postgres/prepare-restored.ts'
import { RevocationWakeUp } from '../../../src/infrastructure/postgres/revocation-wake-up.ts'
import type { Pooling } from '../../../src/infrastructure/postgres/examine-pooler.ts'
import type { ConnectionForm } from '../../../src/infrastructure/postgres/session-settings.ts'
import { startPgbouncer, type PgbouncerOptions } from '../../support/pgbouncer.ts'

const LIMIT = { timeout: 60_000 }
const straight: ConnectionForm = { pooling: 'none', schema: undefined }
const ADDS_ADDRESS = 'application_name_add_host = 1'

let cluster: PrivateCluster
beforeAll(async () => {
  cluster = await startPrivateCluster({ settings: { fsync: 'off' } })
  return () => cluster.stop()
})

function closing<Pool extends pg.Pool>(pool: Pool): Pool {
  onTestFinished(() => pool.end())
  return pool
}

const watcher = (): pg.Pool => closing(connectPool(cluster.url, 1))

/** A connection of an instance that works on a statement until the test has ended. */
async function aBusyInstance(url: string, pooling: Pooling = 'none'): Promise<{ name: string }> {
  const busy = () => Promise.resolve(true)
  const pool = closing(connectWatchedPool(url, 1, { pooling, schema: undefined }, busy))
  await work(pool)
  return { name: pool.applicationName }
}

/** Runs a statement until the test has ended, and waits until the server counts it as overdue. */
async function work(pool: pg.Pool): Promise<void> {
  const admin = watcher()
  const client = await pool.connect()
  await client.query(`set statement_timeout = 0`)
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
  const pid = rows[0]?.pid
  const statement = client.query('select pg_sleep(600)').catch(() => undefined)
  onTestFinished(async () => {
    await admin.query('select pg_terminate_backend($1)', [pid])
    await statement
    client.release(true)
  })
  await vi.waitFor(async () => {
    const { rows } = await admin.query(
      `select from pg_stat_activity where wait_event = 'PgSleep' and state_change < clock_timestamp() - interval '3 s'`,
    )
    expect(rows).toHaveLength(1)
  }, LIMIT)
}

describe('overdue statements', { tags: ['OPS-16'] }, () => {
  test('the statements of a pool count for that pool only', async () => {
    const { name } = await aBusyInstance(cluster.url)
    const another = closing(connectWatchedPool(cluster.url, 1, straight, () => Promise.resolve(true)))
    expect(await hasOverdueStatements(watcher(), name)).toBe(true)
    expect(await hasOverdueStatements(watcher(), another.applicationName)).toBe(false)
  })

  test('a name in the address does not hide the statements of a pool', async () => {
    const { name } = await aBusyInstance(`${cluster.url}?application_name=theirs`)
    expect(await hasOverdueStatements(watcher(), name)).toBe(true)
  })

  test('a statement that has just begun does not count', async () => {
    const pool = closing(connectWatchedPool(cluster.url, 1, straight, () => Promise.resolve(true)))
    await pool.query('select 1')
    expect(await hasOverdueStatements(watcher(), pool.applicationName)).toBe(false)
  })

  test.each<[string, PgbouncerOptions, Pooling]>([
    ['1.24 in transaction mode', { version: '1.24' }, 'transaction'],
    ['1.24 that adds the address of the client', { version: '1.24', lines: [ADDS_ADDRESS] }, 'transaction'],
    ['1.18 in session mode', { version: '1.18', plain: 'session' }, 'session'],
  ])('the statements of a pool count through PgBouncer %s', async (_, options, pooling) => {
    const pgbouncer = await startPgbouncer(cluster.url, options)
    onTestFinished(() => pgbouncer.stop())
    const { name } = await aBusyInstance(`${pgbouncer.url}?application_name=theirs`, pooling)
    expect(await hasOverdueStatements(watcher(), name)).toBe(true)
    expect(await hasOverdueStatements(watcher(), `${name}0`)).toBe(false)
  })
})

test('a name in the address does not hide a serving instance from a restore', async () => {
  const wakeUp = new RevocationWakeUp(`${cluster.url}?application_name=theirs`, () => undefined)
  onTestFinished(() => wakeUp.stop())
  await wakeUp.start()
  expect(await countServingInstances(openDatabase(watcher()))).toBe(1)
})

test.each([
  [
    'postgres://ann:p%40ss@db.example.org/chat',
    'postgres://ann:p%40ss@db.example.org/chat?application_name=x',
  ],
  [
    'postgres://%2Fvar%2Frun/chat?sslmode=disable',
    'postgres://%2Fvar%2Frun/chat?sslmode=disable&application_name=x',
  ],
  ['postgresql://db/chat?application_name=a&application_name=b', 'postgresql://db/chat?application_name=x'],
])('the address %s keeps everything but its name', (address, named) => {
  expect(withName(address, 'x')).toBe(named)
})
