// The doctor, behind nginx that replaces X-Forwarded-For, adds to it, or passes it on.
import { expect, onTestFinished, test, vi } from 'vitest'
import type { Finding } from '../../src/interface-adapters/http/internal/finding.ts'
import { startNginx, type Addresses, type RunningNginx } from '../support/nginx.ts'
import { steadyPorts } from '../support/steady-ports.ts'
import { startTestService, type TestService } from '../support/test-service.ts'

const REPLACES = 'proxy_set_header X-Forwarded-For $remote_addr;'
const ADDS = 'proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;'
const NOT_BELIEVED = ['ok', 'a made-up X-Forwarded-For is not believed']
const PASSED_ON = ['warning', expect.stringContaining('passes on the X-Forwarded-For')]

async function nginxBefore(next: Addresses, header: string): Promise<RunningNginx> {
  const nginx = await startNginx([next, next, next], (configuration) => {
    expect(configuration).toContain(REPLACES)
    return configuration.replace(REPLACES, header)
  })
  onTestFinished(nginx.stop)
  return nginx
}

const newAddresses = async (): Promise<Addresses> => {
  const [port = 0, internalPort = 0] = await steadyPorts(2)
  return { port, internalPort }
}

/** nginx has seen that the service was not there yet, and tries again after two seconds. */
const reachable = (url: string): Promise<void> =>
  vi.waitFor(async () => expect((await fetch(`${url}/health/live`)).status).toBe(200), { timeout: 30_000 })

async function serviceAt({ port }: Addresses, settings: Record<string, string>): Promise<TestService> {
  const service = await startTestService('PGlite', { PORT: String(port), ...settings })
  onTestFinished(() => service.stop())
  return service
}

/** The findings about untrusted proxies and about made-up addresses. */
async function proxyFindings(service: TestService): Promise<[string, string][]> {
  const { body } = await service.operator().get('/v1/doctor')
  const { findings } = body as { findings: Finding[] }
  return findings
    .filter(({ check }) => check === 'proxies')
    .map(({ status, detail }): [string, string] => [status, detail])
}

test.each([
  ['replaces the header', REPLACES, NOT_BELIEVED],
  ['adds to the header', ADDS, NOT_BELIEVED],
  ['passes the header on', 'proxy_set_header X-Forwarded-For $http_x_forwarded_for;', PASSED_ON],
  ['says nothing about the header', '', PASSED_ON],
])('the doctor judges a proxy that %s', { tags: ['HTTP-27'] }, async (_, header, expected) => {
  const addresses = await newAddresses()
  const { url } = await nginxBefore(addresses, header)
  const service = await serviceAt(addresses, { PUBLIC_URL: url })
  await reachable(url)
  expect((await proxyFindings(service))[1]).toEqual(expected)
})

test(
  'the doctor finds an outer proxy that passes the header on to one that adds to it',
  { tags: ['HTTP-27'] },
  async () => {
    const addresses = await newAddresses()
    const inner = await nginxBefore(addresses, ADDS)
    const next = { port: Number(new URL(inner.url).port), internalPort: addresses.internalPort }
    // Another address than that of the doctor, as an outer proxy has on its own machine.
    const { url } = await nginxBefore(next, 'proxy_bind 127.0.0.2;')
    const service = await serviceAt(addresses, { PUBLIC_URL: url, TRUSTED_PROXIES: '127.0.0.0/8' })
    await reachable(url)
    expect((await proxyFindings(service))[1]).toEqual(PASSED_ON)
  },
)

test(
  'the doctor judges no proxy where PUBLIC_URL leads to the service itself or to another one',
  { tags: ['HTTP-27'] },
  async () => {
    const [addresses, nobody] = [await newAddresses(), await newAddresses()]
    const url = `http://127.0.0.1:${addresses.port}`
    const direct = await serviceAt(addresses, { PUBLIC_URL: url, TRUSTED_PROXIES: '192.0.2.1' })
    // The probe itself is not taken for an untrusted proxy.
    for (let time = 0; time < 2; time += 1)
      expect(await proxyFindings(direct)).toEqual([
        ['ok', 'X-Forwarded-For came from TRUSTED_PROXIES only'],
        ['ok', 'PUBLIC_URL leads here without a proxy from this machine'],
      ])
    for (const [elsewhere, reason] of [
      [`http://127.0.0.1:${nobody.port}`, 'ECONNREFUSED'],
      [direct.internalUrl, 'status 200 from another service'],
    ]) {
      const service = await serviceAt(await newAddresses(), { PUBLIC_URL: elsewhere ?? '' })
      expect((await proxyFindings(service))[1]).toEqual(['ok', expect.stringContaining(`(${reason ?? ''})`)])
    }
  },
)

test('without TRUSTED_PROXIES the doctor sends no request', { tags: ['HTTP-27'] }, async () => {
  const service = await serviceAt(await newAddresses(), { TRUSTED_PROXIES: '' })
  expect(await proxyFindings(service)).toHaveLength(1)
})

test(
  'a request that does not prove to be from a doctor gets the usual response',
  { tags: ['HTTP-27'] },
  async () => {
    const service = await serviceAt(await newAddresses(), {})
    const now = Math.floor(+service.clock.now() / 1_000)
    for (const proof of ['', '1', `${now}.`, `${now}.${'x'.repeat(43)}`, 'NaN.x', '1e400.x']) {
      const response = await fetch(`${service.url}/health/live`, { headers: { 'x-chat-auth-probe': proof } })
      expect(await response.json()).toEqual({ status: 'live' })
    }
  },
)
