import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import pg from 'pg'
import { expect, test, vi } from 'vitest'
import { startPrivateCluster } from '../../../scripts/postgres/private-cluster.ts'

const ask = async (url: string, text: string): Promise<unknown[]> => {
  const client = new pg.Client(url)
  await client.connect()
  try {
    return (await client.query<Record<string, unknown>>(text)).rows
  } finally {
    await client.end()
  }
}

const isRunning = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

test('two clusters started in parallel have different ports and are durable', async () => {
  const clusters = await Promise.all([startPrivateCluster(), startPrivateCluster()])
  expect(clusters[0].url).not.toBe(clusters[1].url)
  for (const { url, pid, stop } of clusters) {
    const durable = await ask(
      url,
      "select current_setting('fsync') || current_setting('synchronous_commit') as both",
    )
    expect(durable).toEqual([{ both: 'onon' }])
    await stop()
    expect(isRunning(pid())).toBe(false)
  }
})

test('a killed cluster still has its committed rows after a restart on the same port', async () => {
  const cluster = await startPrivateCluster()
  await ask(cluster.url, 'create table kept as select 1 as one')
  await cluster.kill()
  await expect(ask(cluster.url, 'select')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  await cluster.restart()
  expect(await ask(cluster.url, 'select * from kept')).toEqual([{ one: 1 }])
  await cluster.stop()
})

test('a synchronous standby has every committed row, and is the primary once promoted', async () => {
  const primary = await startPrivateCluster()
  const standby = await startPrivateCluster({ standbyOf: primary.url })
  await ask(primary.url, "alter system set synchronous_standby_names = 'standby'")
  await ask(primary.url, 'select pg_reload_conf()')
  await vi.waitFor(async () => {
    const followers = await ask(primary.url, 'select application_name, sync_state from pg_stat_replication')
    expect(followers).toEqual([{ application_name: 'standby', sync_state: 'sync' }])
  })
  await ask(primary.url, 'create table kept as select 1 as one')
  await primary.kill()
  await expect(ask(standby.url, 'create table refused ()')).rejects.toMatchObject({ code: '25006' })
  await standby.promote()
  expect(await ask(standby.url, 'insert into kept values (2) returning one')).toEqual([{ one: 2 }])
  expect(await ask(standby.url, 'select one from kept order by one')).toEqual([{ one: 1 }, { one: 2 }])
  await Promise.all([primary.stop(), standby.stop()])
})

test('the settings of a cluster reach its server', async () => {
  const { url, stop } = await startPrivateCluster({ settings: { fsync: 'off' } })
  expect(await ask(url, 'show fsync')).toEqual([{ fsync: 'off' }])
  await stop()
})

test('a database server ends with the process that started it, even after SIGKILL', async () => {
  const source = `
    import { startPrivateCluster } from ${JSON.stringify(join(import.meta.dirname, '../../../scripts/postgres/private-cluster.ts'))}
    const { pid } = await startPrivateCluster()
    console.log(pid())`
  const owner = spawn(process.execPath, ['--input-type=module', '-e', source], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [printed] = (await once(owner.stdout, 'data')) as [Buffer]
  const pid = Number(printed.toString())
  expect(isRunning(pid)).toBe(true)
  owner.kill('SIGKILL')
  await vi.waitFor(() => expect(isRunning(pid)).toBe(false), { timeout: 60_000 })
})
