// Checks that deploy/nginx/nginx.conf and docker-compose.cluster.yaml fit each other and the service.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { HttpClient } from '../support/http-client.ts'
import { nginxConfiguration } from '../support/nginx.ts'
import { newUser, type Tokens } from '../support/test-client.ts'
import { composeFile, shutdownDelay, startCluster, type Cluster } from './cluster.ts'

const secondsIn = (text: string, pattern: RegExp): number => Number(pattern.exec(text)?.[1])

describe('the two files', () => {
  const services = [...composeFile.matchAll(/^ {2}(chat-auth-\d):\n {4}<<: \*instance$/gm)].map(
    ([, name]) => name,
  )

  test.each([
    ['public', 8000],
    ['internal', 8010],
    ['feed', 8010],
  ])('nginx balances over the %s port of every instance in the Compose file', (upstream, port) => {
    const block = new RegExp(`upstream ${upstream} \\{[^}]*\\}`).exec(nginxConfiguration)?.[0] ?? ''
    const servers = [...block.matchAll(/^ +server (\S+)/gm)].map(([, server]) => server)
    expect(servers).toEqual(services.map((name) => `${name ?? ''}:${port}`))
    expect(servers).toHaveLength(3)
  })

  test('the nginx and Compose files agree on the addresses of the proxy and the instances', () => {
    const [nginx, ...others] = [...composeFile.matchAll(/ipv4_address: (\S+)/g)]
      .map(([, address]) => address)
      .toReversed()
    expect(composeFile).toContain(`TRUSTED_PROXIES: ${nginx ?? ''}\n`)
    const known = [...composeFile.matchAll(/^ +- (chat-auth-\d):(\S+)$/gm)].map(([, name, address]) => [
      name,
      address,
    ])
    expect(known).toEqual(services.map((name, at) => [name, others.toReversed()[at]]))
    expect(new Set([nginx, ...others]).size).toBe(services.length + 1)
  })

  test('the Compose file gives an instance time to drain, and nginx time to notice', () => {
    const delay = secondsIn(shutdownDelay, /^(\d+)s$/)
    const keptIdle = [...nginxConfiguration.matchAll(/keepalive_timeout (\d+)s;/g)].map(([, text]) =>
      Number(text),
    )
    expect(keptIdle).toHaveLength(2)
    for (const seconds of keptIdle) expect(seconds).toBeLessThan(delay)
    // The service exits at most 8 s after the delay.
    expect(secondsIn(composeFile, /stop_grace_period: (\d+)s\n {2}read_only/)).toBeGreaterThanOrEqual(
      delay + 10,
    )
    expect(secondsIn(nginxConfiguration, /worker_shutdown_timeout (\d+)s/)).toBeLessThan(
      secondsIn(composeFile, /stop_signal: SIGQUIT\n {4}stop_grace_period: (\d+)s/),
    )
  })
})

describe('behind nginx', () => {
  let cluster: Cluster
  let url: string

  beforeAll(async () => {
    cluster = await startCluster({ SHUTDOWN_DELAY: '0' })
    url = cluster.nginx.url
  }, 120_000)
  afterAll(() => cluster.stop())

  async function signIn(address: string, headers: Record<string, string> = {}) {
    const client = new HttpClient(url, address)
    const { username, email, password } = newUser()
    await client.ask('POST', '/v1/users', { body: { username, email, password }, headers })
    const { body } = await client.ask('POST', '/v1/sessions', { body: { username, password }, headers })
    return { client, token: (body as Tokens).access_token }
  }

  test('behind nginx the service sees the real client address despite a forged header', async () => {
    for (const headers of [{}, { 'x-forwarded-for': '203.0.113.9' }]) {
      const { client, token } = await signIn('127.0.0.77', headers)
      const { body } = await client.ask('GET', '/v1/sessions', { token })
      expect((body as { items: { ip: string }[] }).items.map(({ ip }) => ip)).toEqual(['127.0.0.77'])
      client.close()
    }
  })

  test('behind nginx a picture that is too large gets the error of the service', async () => {
    const { client, token } = await signIn('127.0.0.78')
    const form = new FormData()
    form.append('avatar', new Blob([new Uint8Array(2 * 1024 * 1024 + 1)]), 'a.png')
    const response = await fetch(`${url}/v1/users/me/avatar`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${token}` },
      body: form,
    })
    expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([
      413,
      'picture_too_large',
    ])
    client.close()
  })

  test('nginx passes on the request id of the client, and makes one if there is none', async () => {
    const client = new HttpClient(url)
    const given = await client.ask('GET', '/health/live', { headers: { 'x-request-id': 'mine-of-course' } })
    expect(given.headers['x-request-id']).toBe('mine-of-course')
    const made = await client.ask('GET', '/health/live', { headers: { 'x-request-id': 'not one of ours' } })
    expect(made.headers['x-request-id']).toMatch(/^[0-9a-f]{32}$/)
    client.close()
  })

  test('without a live instance nginx responds that clients keep their tokens and retry', async () => {
    await Promise.all(cluster.instances.map((instance) => instance.stop()))
    const client = new HttpClient(url)
    const { status, headers, body } = await client.ask('POST', '/v1/sessions/refresh', { body: {} })
    expect([status, headers['content-type'], headers['retry-after']]).toEqual([
      503,
      'application/problem+json',
      '1',
    ])
    expect(body).toMatchObject({ status: 503, code: 'unavailable', title: 'Unavailable' })
    client.close()
    const { complaints } = cluster.nginx
    expect(complaints.filter((line) => !line.includes('connecting to upstream'))).toEqual([])
  })
})
