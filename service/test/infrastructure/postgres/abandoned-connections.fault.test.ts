import { sql } from 'kysely'
import { beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { startPrivateCluster, type PrivateCluster } from '../../../../scripts/postgres/private-cluster.ts'
import {
  connectPool,
  connectWatchedPool,
  connectWithoutDeadlines,
} from '../../../src/infrastructure/postgres/connect.ts'
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
async function abandonOne(isServerBusy: (applicationName: string) => Promise<boolean>) {
  const pool = connectWatchedPool(cluster.url, 1, { pooling: 'none', schema: undefined }, isServerBusy)
  const { abandoned } = pool
  const db = openDatabase(pool)
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

  test('gives its place free whatever statements other instances and programs run', async () => {
    const watcher = connectPool(cluster.url, 1)
    const others = connectWithoutDeadlines(cluster.url)
    const client = await others.connect()
    const statement = client.query('select pg_sleep(600)').catch(() => undefined)
    onTestFinished(async () => {
      await watcher.query(`select pg_cancel_backend(pid) from pg_stat_activity where wait_event = 'PgSleep'`)
      await statement
      client.release(true)
      await Promise.all([watcher.end(), others.end()])
    })
    await vi.waitFor(async () => expect(await hasOverdueStatements(watcher, 'chat-auth')).toBe(true), {
      timeout: 60_000,
    })
    const { db, pid } = await abandonOne((name) => hasOverdueStatements(watcher, name))
    await vi.waitFor(async () => expect(await pidOf(db)).not.toBe(pid), { timeout: 60_000 })
  })
})
