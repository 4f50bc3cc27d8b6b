// Tests draining behind load balancers that poll readiness and never retry, like those of clouds and Kubernetes.
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { expect, onTestFinished, test, vi } from 'vitest'
import { HttpClient, type HttpResponse } from '../support/http-client.ts'
import { startServiceProcess, type ServiceProcess } from '../support/service-process.ts'
import { migratedDatabase } from '../support/test-service.ts'

const isReady = async (url: string): Promise<boolean> => (await fetch(`${url}/health/ready`)).ok

/** Polls readiness ten times a second, and sends each new connection to the next ready instance. */
async function startBalancer(urls: readonly string[]): Promise<string> {
  let ready = [...urls]
  let turn = 0
  const sockets = new Set<Socket>()
  const server = createServer((near) => {
    turn += 1
    const far = connect(Number(new URL(ready[turn % ready.length] ?? '').port), '127.0.0.1')
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from)
      from.pipe(to)
      from.on('error', () => to.destroy()).on('close', () => sockets.delete(from) && to.destroy())
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const over = new AbortController()
  const looking = (async () => {
    while (!over.signal.aborted) {
      const responses = await Promise.all(urls.map((url) => isReady(url).catch(() => false)))
      ready = urls.filter((_url, at) => responses[at])
      await pause(100)
    }
  })()
  onTestFinished(async () => {
    over.abort()
    await looking
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Sends requests without a token on one connection. Each must get a 401; anything else is a failure. */
async function askUntil(over: AbortSignal, url: string, failures: string[]): Promise<number> {
  const client = new HttpClient(url)
  let responded = 0
  while (!over.aborted) {
    const { status } = await client
      .ask('GET', '/v1/users/me')
      .catch((error: unknown): Pick<HttpResponse, 'status'> => {
        failures.push(String(error))
        return { status: 0 }
      })
    if (status === 401) responded += 1
    else if (status !== 0) failures.push(`status ${status}`)
    await pause(2)
  }
  client.close()
  return responded
}

async function twoInstances(settings: Record<string, string>): Promise<[ServiceProcess, ServiceProcess]> {
  const place = await migratedDatabase()
  onTestFinished(place.remove)
  const start = () => startServiceProcess({ ...place.settings, ...settings })
  const both = await Promise.all([start(), start()])
  onTestFinished(async () => {
    await Promise.all(both.map((instance) => instance.kill()))
  })
  return both
}

test('a draining instance reports it, still responds and closes each connection afterwards', async () => {
  // The longest delay: the instance is killed at the end of the test.
  const [leaving] = await twoInstances({ SHUTDOWN_DELAY: '60s' })
  const client = new HttpClient(leaving.url)
  onTestFinished(() => client.close())
  const before = await client.ask('GET', '/health/ready')
  expect([before.status, before.headers['connection']]).toEqual([200, 'keep-alive'])

  leaving.signal('SIGTERM')
  await vi.waitUntil(async () => (await client.ask('GET', '/health/ready')).status === 503, {
    timeout: 60_000,
  })
  for (const url of [leaving.url, leaving.internalUrl]) {
    const ready = await fetch(`${url}/health/ready`)
    const { checks } = (await ready.json()) as { checks: Record<string, string> }
    expect([ready.status, checks['draining']]).toEqual([503, 'yes'])
    expect((await fetch(`${url}/health/live`)).status).toBe(200)
  }
  const { status, headers } = await client.ask('GET', '/.well-known/jwks.json')
  expect([status, headers['connection']]).toEqual([200, 'close'])
  await leaving.client().signIn(await leaving.client().register())
}, 180_000)

test('a load balancer with time to notice loses no request when an instance stops', async () => {
  const [leaving, staying] = await twoInstances({ SHUTDOWN_DELAY: '5s' })
  const url = await startBalancer([leaving.url, staying.url])
  const over = new AbortController()
  const failures: string[] = []
  const asking = [1, 2, 3, 4].map(() => askUntil(over.signal, url, failures))
  await vi.waitUntil(() => [leaving, staying].every(({ logs }) => logs.length > 50), { timeout: 60_000 })
  await leaving.stop()
  over.abort()
  const responded = await Promise.all(asking)
  expect(failures).toEqual([])
  expect(Math.min(...responded)).toBeGreaterThan(0)
}, 180_000)

test('an operator at a terminal does not wait for a load balancer', async () => {
  const [leaving] = await twoInstances({ SHUTDOWN_DELAY: '60s' })
  leaving.signal('SIGINT')
  expect(await leaving.exited).toEqual({ code: 0, signal: null })
}, 180_000)
