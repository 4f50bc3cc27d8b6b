import { sql } from 'kysely'
import { beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { startPrivateCluster, type PrivateCluster } from '../../../../scripts/postgres/private-cluster.ts'
import { AbandonedConnections } from '../../../src/infrastructure/postgres/abandoned-connections.ts'
import { connectPool, connectWithoutDeadlines } from '../../../src/infrastructure/postgres/connect.ts'
import { openDatabase, type Database } from '../../../src/infrastructure/postgres/database.ts'
import { hasOverdueStatements } from '../../../src/infrastructure/postgres/overdue-statements.ts'

const unavailable = { name: 'ApplicationError', code: 'unavailable' }

let cluster: PrivateCluster
beforeAll(async () => {
  cluster = await startPrivateCluster({ settings: { fsync: 'off' } })
  return () => cluster.stop()
})

const pidOf = async (db: Database): Promise<number> => {
  const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(db)
  return rows[0]?.pid ?? 0
}

/** The server cannot stop while one of its processes is stopped. */
function resume(pid: number): void {
  try {
    process.kill(pid, 'SIGCONT')
  } catch {
    // It has ended.
  }
}

/** A pool of one connection, whose server process is stopped and has been given up by its caller. */
async function abandonOne(isServerBusy: () => Promise<boolean>) {
  const abandoned = new AbandonedConnections(isServerBusy)
  const db = openDatabase(connectPool(cluster.url, 1, undefined, abandoned))
  const pid = await pidOf(db)
  process.kill(pid, 'SIGSTOP')
  onTestFinished(async () => {
    resume(pid)
    abandoned.close()
    await db.destroy()
  })
  await expect(sql`select 1`.execute(db)).rejects.toMatchObject(unavailable)
  expect(abandoned.count).toBe(1)
  return { db, pid, abandoned }
}

describe('a connection whose statement has missed its deadline', () => {
  test('keeps its place in the pool while the server works on it', async () => {
    const { db, pid, abandoned } = await abandonOne(() => Promise.resolve(true))
    await expect(sql`select 1`.execute(db)).rejects.toMatchObject(unavailable)
    expect(abandoned.count).toBe(1)
    process.kill(pid, 'SIGCONT')
    await vi.waitFor(() => expect(abandoned.count).toBe(0))
    expect(await pidOf(db)).not.toBe(pid)
  })

  test('gives its place free when the server has nothing left to do', async () => {
    const { db, pid } = await abandonOne(() => Promise.resolve(false))
    await vi.waitFor(async () => expect(await pidOf(db)).not.toBe(pid), { timeout: 20_000 })
  })

  test('keeps its place while the server cannot be asked', async () => {
    let asked = 0
    const { abandoned } = await abandonOne(() => {
      asked += 1
      return Promise.reject(new Error('the connection was refused'))
    })
    await vi.waitFor(() => expect(asked).toBeGreaterThan(1), { timeout: 20_000 })
    expect(abandoned.count).toBe(1)
  })

  test('does not keep the service from closing its pools', async () => {
    const { db, abandoned } = await abandonOne(() => Promise.resolve(true))
    abandoned.close()
    await db.destroy()
    expect(abandoned.count).toBe(0)
  })
})

test('only statements of the service that run for long count as overdue', async () => {
  const watcher = connectPool(cluster.url, 1)
  const worker = connectWithoutDeadlines(cluster.url)
  const client = await worker.connect()
  onTestFinished(async () => {
    client.release(true)
    await Promise.all([watcher.end(), worker.end()])
  })
  expect(await hasOverdueStatements(watcher)).toBe(false)
  const statement = client.query('select pg_sleep(600)').catch(() => undefined)
  await vi.waitFor(async () => expect(await hasOverdueStatements(watcher)).toBe(true), { timeout: 20_000 })
  await watcher.query(`select pg_cancel_backend(pid) from pg_stat_activity where wait_event = 'PgSleep'`)
  await statement
  // The error arrives before the server counts the statement as over. The next one waits for that.
  await client.query(`set application_name = 'psql'`)
  expect(await hasOverdueStatements(watcher)).toBe(false)
  const others = client.query('select pg_sleep(600)').catch(() => undefined)
  await vi.waitFor(
    async () => {
      const { rows } = await watcher.query(
        `select from pg_stat_activity where wait_event = 'PgSleep' and state_change < clock_timestamp() - interval '3 s'`,
      )
      expect(rows).toHaveLength(1)
    },
    { timeout: 20_000 },
  )
  expect(await hasOverdueStatements(watcher)).toBe(false)
  await watcher.query(`select pg_cancel_backend(pid) from pg_stat_activity where wait_event = 'PgSleep'`)
  await others
})
