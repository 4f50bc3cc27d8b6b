import Fastify from 'fastify'
import { expect, test } from 'vitest'
import { createMetrics } from '../../../src/infrastructure/observability/metrics.ts'
import { observeUntrustedProxies } from '../../../src/infrastructure/observability/untrusted-proxies.ts'

async function aListener() {
  const metrics = createMetrics()
  const proxies = observeUntrustedProxies(metrics.meter, (peer) => peer === '192.0.2.1')
  const lines: unknown[] = []
  const stream = { write: (line: string) => void lines.push(JSON.parse(line)) }
  const app = Fastify({ logger: { level: 'warn', stream }, disableRequestLogging: true })
  await app.register(proxies.plugin)
  app.get('/', () => 'hello')
  const ask = async (
    remoteAddress: string,
    headers: Record<string, string> = { 'x-forwarded-for': '203.0.113.7' },
  ) => app.inject({ url: '/', remoteAddress, headers })
  return { metrics, proxies, lines, ask }
}

test(
  'a proxy that is not trusted is counted at each request and logged once',
  { tags: ['HTTP-26'] },
  async () => {
    const { metrics, proxies, lines, ask } = await aListener()
    expect(await metrics.text()).toContain('chat_auth_untrusted_proxy_requests_total 0')
    for (let each = 0; each < 3; each += 1) await ask('::ffff:198.51.100.9')
    await ask('2001:db8::9')
    expect(lines).toMatchObject([
      { event: 'proxy.untrusted', peer: '198.51.100.9' },
      { event: 'proxy.untrusted', peer: '2001:db8::9' },
    ])
    expect(JSON.stringify(lines)).not.toContain('203.0.113.7')
    expect(proxies.peers()).toEqual(['198.51.100.9', '2001:db8::9'])
    expect(await metrics.text()).toContain('chat_auth_untrusted_proxy_requests_total 4')
    await metrics.stop()
  },
)

test('a trusted proxy, and a client without the header, are not noticed', { tags: ['HTTP-26'] }, async () => {
  const { proxies, lines, ask } = await aListener()
  await ask('192.0.2.1')
  await ask('198.51.100.9', {})
  expect([lines, proxies.peers()]).toEqual([[], []])
})

test(
  'a flood from many addresses is remembered and logged for 100 of them',
  { tags: ['HTTP-26'] },
  async () => {
    const { proxies, lines, ask } = await aListener()
    for (let each = 0; each < 150; each += 1) await ask(`198.51.100.${each}`)
    expect([lines.length, proxies.peers().length]).toEqual([100, 100])
  },
)
