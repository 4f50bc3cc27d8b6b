// Traces and metrics that a real service sends to a receiver.
import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'
import { json } from 'node:stream/consumers'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { ServiceProcess } from '../../support/service-process.ts'
import { StubServer } from '../../support/stub-server.ts'
import type { Tokens } from '../../support/test-client.ts'
import { migratedDatabase } from '../../support/test-service.ts'

interface Attribute {
  readonly key: string
  readonly value: { readonly stringValue?: string; readonly intValue?: number }
}
interface SentSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  readonly kind: number
  readonly attributes: readonly Attribute[]
}
interface SentMetric {
  readonly name: string
  readonly unit: string
  readonly histogram?: { readonly dataPoints: readonly { readonly attributes: readonly Attribute[] }[] }
}
interface Sent {
  readonly resource: { readonly attributes: readonly Attribute[] }
  readonly scopeSpans?: readonly { readonly spans: readonly SentSpan[] }[]
  readonly scopeMetrics?: readonly { readonly metrics: readonly SentMetric[] }[]
}

const SERVER = 2
const CLIENT = 3
const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'

const cleanUps: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp()
})

const start = async (settings: Record<string, string>) => {
  const database = await migratedDatabase()
  cleanUps.push(database.remove)
  const service = new ServiceProcess({ ...database.settings, ...settings })
  cleanUps.push(() => service.kill())
  return service.ready()
}

const startReceiver = async () => {
  const receiver = await StubServer.start()
  cleanUps.push(() => receiver.down())
  receiver.respond = (_received, response) =>
    void response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
  const sentTo = (path: string): Sent[] =>
    receiver.received
      .filter((call) => call.path === path)
      .flatMap(({ body }) => {
        const { resourceSpans = [], resourceMetrics = [] } = JSON.parse(body) as Record<string, Sent[]>
        return [...resourceSpans, ...resourceMetrics]
      })
  return {
    receiver,
    resources: () => [...sentTo('/v1/traces'), ...sentTo('/v1/metrics')].map(({ resource }) => resource),
    spans: () =>
      sentTo('/v1/traces').flatMap(({ scopeSpans = [] }) => scopeSpans.flatMap(({ spans }) => spans)),
    metrics: () =>
      sentTo('/v1/metrics').flatMap(({ scopeMetrics = [] }) =>
        scopeMetrics.flatMap(({ metrics }) => metrics),
      ),
  }
}

/** Sends the body only after the service has begun to handle the request and waits for it. */
async function postLate(url: string, headers: Record<string, string>, body: object): Promise<unknown> {
  const options = { 'content-type': 'application/json', expect: '100-continue', connection: 'close' }
  const call = request(url, { method: 'POST', headers: { ...headers, ...options } })
  call.flushHeaders()
  await once(call, 'continue')
  call.end(JSON.stringify(body))
  const [response] = (await once(call, 'response')) as [IncomingMessage]
  return json(response)
}

const valueOf = (attributes: readonly Attribute[], key: string) => {
  const value = attributes.find((attribute) => attribute.key === key)?.value
  return value?.stringValue ?? value?.intValue
}

describe('with a receiver', () => {
  let calls: Awaited<ReturnType<typeof exercise>>
  const stops: (() => unknown)[] = []

  const exercise = async () => {
    const { receiver, ...sent } = await startReceiver()
    const service = await start({
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20of%20the%20tests',
      OTEL_SERVICE_NAME: 'auth-of-the-tests',
    })
    // They are shared by all tests below.
    stops.push(...cleanUps.splice(0))
    const address = '198.19.7.7'
    const client = service.client(address)
    const user = await client.register()
    const { username, email, password } = user
    const body = { username, password, device_id: 'device-of-the-tests', device_name: 'name of a device' }
    const headers = { traceparent, 'x-forwarded-for': address }
    const tokens = await postLate(`${service.url}/v1/sessions`, headers, body)
    const { access_token, refresh_token, session } = tokens as Tokens
    const next = (await client.refresh(refresh_token)).body as Tokens
    await client.get(`/v1/users?search=${username}`, next.access_token)
    await client.post('/v1/sessions', { username, password: `not ${password}` })
    await service.stop()
    const secrets = [username, email, password, access_token, refresh_token, next.access_token]
    secrets.push(next.refresh_token, session.id, address, 'device-of-the-tests', 'name of a device')
    return { receiver, ...sent, secrets }
  }
  beforeAll(async () => {
    calls = await exercise()
  })
  afterAll(async () => {
    for (const stop of stops.toReversed()) await stop()
  })

  test('a sign-in is a span in the trace of its caller, above its use case and statements', () => {
    const { spans } = calls
    const ofCaller = spans().filter(({ traceId }) => traceId === traceparent.split('-')[1])
    const [request] = ofCaller.filter(({ kind }) => kind === SERVER)
    expect(request).toMatchObject({ name: 'POST /v1/sessions', parentSpanId: 'b7ad6b7169203331' })
    const { attributes = [] } = request ?? {}
    expect(valueOf(attributes, 'http.route')).toBe('/v1/sessions')
    expect(valueOf(attributes, 'http.request.method')).toBe('POST')
    expect(valueOf(attributes, 'http.response.status_code')).toBe(201)
    const [useCase] = ofCaller.filter(({ parentSpanId }) => parentSpanId === request?.spanId)
    expect(useCase?.name).toBe('createSession')
    const statements = ofCaller.filter(({ kind }) => kind === CLIENT)
    expect(statements.map(({ parentSpanId }) => parentSpanId)).toEqual(statements.map(() => useCase?.spanId))
    expect(statements.map(({ name }) => name)).toContain('insert sessions')
    expect(ofCaller).toHaveLength(2 + statements.length)
  })

  test('a refresh span is named by its prepared statement, a refusal by its code', () => {
    const { spans } = calls
    expect(spans().map(({ name }) => name)).toEqual(
      expect.arrayContaining(['POST /v1/sessions/refresh', 'refreshSession', 'rotate_session']),
    )
    const codes = spans().map(({ attributes }) => valueOf(attributes, 'error.type'))
    expect(codes).toContain('invalid_credentials')
  })

  test('spans and metrics contain no personal data, tokens or addresses', { tags: ['OUT-8'] }, () => {
    const { receiver, spans, secrets } = calls
    expect(spans().length).toBeGreaterThan(20)
    const bodies = receiver.received.map(({ body }) => body).join('\n')
    expect(secrets.filter((secret) => bodies.includes(secret))).toEqual([])
  })

  test('the duration of requests has the name, unit and attributes of the conventions', () => {
    const durations = calls.metrics().find(({ name }) => name === 'http.server.request.duration')
    expect(durations?.unit).toBe('s')
    const points = durations?.histogram?.dataPoints.map(({ attributes }) =>
      Object.fromEntries(attributes.map(({ key }) => [key, String(valueOf(attributes, key))])),
    )
    expect(points).toContainEqual({
      listener: 'public',
      'http.request.method': 'POST',
      'http.route': '/v1/sessions',
      'http.response.status_code': '201',
      'url.scheme': 'http',
    })
  })

  test('metrics are sent with the configured service name and headers', () => {
    const { receiver, metrics, resources } = calls
    expect(metrics().map(({ name }) => name)).toEqual(
      expect.arrayContaining([
        'chat_auth_sign_ins',
        'chat_auth_database_up',
        'process_resident_memory_bytes',
      ]),
    )
    const names = resources().map(({ attributes }) => valueOf(attributes, 'service.name'))
    expect(new Set(names)).toEqual(new Set(['auth-of-the-tests']))
    const keys = receiver.received.map(({ headers }) => headers.authorization)
    expect(new Set(keys)).toEqual(new Set(['Bearer of the tests']))
  })
})

// The exporter retries for five seconds before it reports a failure.
test(
  'a receiver that is down causes one warning and delays neither requests nor the exit',
  { timeout: 90_000 },
  async () => {
    const { receiver, spans } = await startReceiver()
    await receiver.down()
    const service = await start({ OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url })
    const client = service.client()
    const user = await client.register()
    await service.logged('telemetry.lost')
    await client.signIn(user)
    await receiver.up()
    await client.signIn(user)
    await service.logged('telemetry.resumed')
    expect(service.logs.filter(({ event }) => event === 'telemetry.lost')).toHaveLength(1)
    expect(spans().map(({ name }) => name)).toContain('POST /v1/sessions')
    await receiver.down()
    await client.signIn(user)
    await service.stop()
    expect(service.complaints).toBe('')
    await receiver.up()
  },
)

test('with a sampled share of 0 only traces of callers are kept', async () => {
  const { receiver, spans } = await startReceiver()
  const settings = { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, OTEL_TRACES_SAMPLER_ARG: '0' }
  const service = await start(settings)
  const keys = '/.well-known/jwks.json'
  await service.client().get(keys)
  await service.client().request('GET', keys, { headers: { traceparent } })
  await service.stop()
  const requests = spans().filter(({ kind }) => kind === SERVER)
  expect(requests.map(({ name }) => name)).toEqual([`GET ${keys}`])
})

test(
  'the trace of a caller from the internet is not believed, that of a service is',
  { tags: ['HTTP-25'] },
  async () => {
    const { receiver, spans } = await startReceiver()
    const service = await start({
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_TRACES_SAMPLER_ARG: '0',
      TRUSTED_PROXIES: '192.0.2.1',
    })
    await service.client().request('GET', '/.well-known/jwks.json', { headers: { traceparent } })
    await fetch(`${service.internalUrl}/openapi.json`, { headers: { traceparent } })
    await service.stop()
    const requests = spans().filter(({ kind }) => kind === SERVER)
    expect(requests.map(({ name }) => name)).toEqual(['GET /openapi.json'])
  },
)

test('scrapes and health checks are not traced, for any client', async () => {
  const { receiver, spans } = await startReceiver()
  const service = await start({ OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url })
  for (const path of ['/metrics', '/health/live', '/health/ready', '/.well-known/jwks.json']) {
    await fetch(service.internalUrl + path, { headers: { traceparent } })
    await fetch(service.internalUrl + path, { method: 'HEAD' })
  }
  await service.stop()
  const names = spans().map(({ name }) => name)
  expect(new Set(names)).toEqual(new Set(['GET /.well-known/jwks.json', 'HEAD /.well-known/jwks.json']))
})

test('without a receiver no OTLP code is loaded', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'chat-auth-modules-'))
  cleanUps.push(() => rm(folder, { recursive: true }))
  const list = join(folder, 'modules')
  const hook = join(folder, 'hook.mjs')
  await writeFile(
    hook,
    `import { appendFileSync } from 'node:fs'
     import { registerHooks } from 'node:module'
     registerHooks({ load(url, context, next) { appendFileSync(${JSON.stringify(list)}, url + '\\n'); return next(url, context) } })`,
  )
  const loadedWith = async (settings: Record<string, string>) => {
    await writeFile(list, '')
    await (await start({ NODE_OPTIONS: `--import=${hook}`, ...settings })).stop()
    return (await readFile(list, 'utf8')).split('\n').filter((url) => /otlp|sdk-trace/.test(url))
  }
  // The settings are read in any case.
  expect(await loadedWith({})).toEqual([expect.stringMatching(/\/otlp-settings\.ts$/)])
  const { receiver } = await startReceiver()
  const loaded = await loadedWith({ OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url })
  expect(loaded.length).toBeGreaterThan(10)
})
