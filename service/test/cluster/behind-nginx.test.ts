// What deploy/nginx/nginx.conf and docker-compose.cluster.yaml promise each other, the service and its clients.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { HttpClient } from '../support/http-client.ts'
import { nginxConfiguration } from '../support/nginx.ts'
import { newPerson, type Tokens } from '../support/test-client.ts'
import { composeFile, shutdownDelay, startCluster, type Cluster } from './cluster.ts'

const secondsIn = (text: string, pattern: RegExp): number => Number(pattern.exec(text)?.[1])

describe('the two files', () => {
  const services = [...composeFile.matchAll(/^ {2}(chat-auth-\d):\n {4}<<: \*instance$/gm)].map(
    ([, name]) => name,
  )

  test.each([
    ['people', 8000],
    ['services', 8010],
  ])('name the same instances: %s', (upstream, port) => {
    const block = new RegExp(`upstream ${upstream} \\{[^}]*\\}`).exec(nginxConfiguration)?.[0] ?? ''
    const servers = [...block.matchAll(/^ +server (\S+)/gm)].map(([, server]) => server)
    expect(servers).toEqual(services.map((name) => `${name ?? ''}:${port}`))
    expect(servers).toHaveLength(3)
  })

  test('agree on who the proxy is, which no instance is, and where the instances are', () => {
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

  test('leave an instance the time to drain, and nginx the time to notice', () => {
    const delay = secondsIn(shutdownDelay, /^(\d+)s$/)
    const keptIdle = [...nginxConfiguration.matchAll(/keepalive_timeout (\d+)s;/g)].map(([, text]) =>
      Number(text),
    )
    expect(keptIdle).toHaveLength(2)
    for (const seconds of keptIdle) expect(seconds).toBeLessThan(delay)
    // The service ends itself 8 s after the delay at the latest.
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
    const { username, email, password } = newPerson()
    await client.ask('POST', '/v1/users', { body: { username, email, password }, headers })
    const { body } = await client.ask('POST', '/v1/sessions', { body: { username, password }, headers })
    return { client, token: (body as Tokens).access_token }
  }

  test('the service knows its clients by their own addresses, whatever they claim', async () => {
    for (const headers of [{}, { 'x-forwarded-for': '203.0.113.9' }]) {
      const { client, token } = await signIn('127.0.0.77', headers)
      const { body } = await client.ask('GET', '/v1/sessions', { token })
      expect((body as { items: { ip: string }[] }).items.map(({ ip }) => ip)).toEqual(['127.0.0.77'])
      client.close()
    }
  })

  test('a picture that is too large is refused in the words of the service', async () => {
    const { client, token } = await signIn('127.0.0.78')
    const form = new FormData()
    form.append('avatar', new Blob([new Uint8Array(2 * 1024 * 1024 + 1)]), 'a.png')
    const answer = await fetch(`${url}/v1/users/me/avatar`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${token}` },
      body: form,
    })
    expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([
      413,
      'picture_too_large',
    ])
    client.close()
  })

  test('an id of the client’s is the one in the answer; without one there is one all the same', async () => {
    const client = new HttpClient(url)
    const given = await client.ask('GET', '/health/live', { headers: { 'x-request-id': 'mine-of-course' } })
    expect(given.headers['x-request-id']).toBe('mine-of-course')
    const made = await client.ask('GET', '/health/live', { headers: { 'x-request-id': 'not one of ours' } })
    expect(made.headers['x-request-id']).toMatch(/^[0-9a-f]{32}$/)
    client.close()
  })

  test('when no instance is left, clients are told to keep their tokens and to come back', async () => {
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
