// The synchronous standby is gone: every commit waits on the server, whatever its client does.
import { expect, onTestFinished, test, vi } from 'vitest'
import { startPrivateCluster } from '../../../scripts/postgres/private-cluster.ts'
import { queryOn } from '../support/database-query.ts'
import { startInstance } from '../support/instances.ts'
import { reportFault } from '../support/fault-report.ts'
import { TestClient, type ApiResponse } from '../support/test-client.ts'

/** DATABASE_POOL_SIZE and what docs/operations.md adds to it for each instance. */
const DOCUMENTED = 10 + 5
/** Each wave of requests misses its deadline before the next one. */
const WAVES = 4
const ENDS_EACH = 12

test(
  'without its synchronous standby the service keeps to its connections, and recovers',
  { tags: ['OPS-16'], timeout: 120_000 },
  async () => {
    const cluster = await startPrivateCluster({ settings: { fsync: 'off' } })
    onTestFinished(() => cluster.stop())
    const query = queryOn(cluster.url)
    const instance = await startInstance(cluster.url)
    const signedIn: { end: () => Promise<ApiResponse> }[] = []
    while (signedIn.length < WAVES * ENDS_EACH) {
      const client = instance.client()
      const { access_token: token } = await client.signIn(await client.register())
      signedIn.push({ end: () => client.delete('/v1/sessions/current', token) })
    }

    await query(`alter system set synchronous_standby_names = 'gone'`)
    await query('select pg_reload_conf()')
    await vi.waitFor(async () =>
      expect(await query('show synchronous_standby_names')).toEqual([{ synchronous_standby_names: 'gone' }]),
    )
    let most = 0
    const statuses = new Set<number>()
    for (let wave = 0; wave < WAVES; wave += 1) {
      const part = signedIn.slice(wave * ENDS_EACH, (wave + 1) * ENDS_EACH)
      for (const { status } of await Promise.all(part.map(({ end }) => end()))) statuses.add(status)
      const [found] = await query<{ count: number }>(
        `select count(*)::int as count from pg_stat_activity
       where application_name like 'chat-auth%' and backend_type = 'client backend'`,
      )
      most = Math.max(most, found?.count ?? 0)
    }
    expect([...statuses]).toEqual([503])
    expect(most).toBeLessThanOrEqual(DOCUMENTED)
    // Nor is an end acknowledged that the standby does not have, however often it is repeated.
    const [first] = signedIn
    expect(await first?.end()).toMatchObject({ status: 503 })

    await query(`alter system set synchronous_standby_names = ''`)
    await query('select pg_reload_conf()')
    await vi.waitFor(
      async () => {
        const responses = await Promise.all(signedIn.map(({ end }) => end()))
        // 401: its first attempt ended the session after all.
        expect(responses.filter(({ status }) => status !== 204 && status !== 401)).toEqual([])
      },
      { timeout: 20_000 },
    )
    const operator = new TestClient(instance.internalUrl, undefined, { token: instance.serviceKey })
    expect(await operator.get('/health/ready')).toMatchObject({ status: 200 })
    reportFault({
      fault: `synchronous standby gone (at most ${most} connections)`,
      rounds: WAVES,
      injected: 1,
      acknowledged: signedIn.length,
      lost: 0,
      falseLogouts: 0,
    })
    await instance.stop()
  },
)
