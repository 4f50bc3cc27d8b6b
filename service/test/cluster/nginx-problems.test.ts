// Every error of nginx itself is a problem document, and one address cannot use up the connections of the others.
import { once } from 'node:events'
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { problemTypes, type ProblemCode } from '../../src/interface-adapters/http/problem-types.ts'
import { HttpClient } from '../support/http-client.ts'
import { nginxConfiguration, startNginx, type RunningNginx } from '../support/nginx.ts'
import { exchange, request } from '../support/raw-exchange.ts'
import { steadyPorts } from '../support/steady-ports.ts'
import { StubServer } from '../support/stub-server.ts'

const ALLOWED = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS'
const long = (length: number) => 'x'.repeat(length)

describe('nginx without an instance', () => {
  let nginx: RunningNginx
  beforeAll(async () => {
    const ports = await steadyPorts(6)
    const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = ports
    nginx = await startNginx([
      { port: a, internalPort: b },
      { port: c, internalPort: d },
      { port: e, internalPort: f },
    ])
  })
  afterAll(() => nginx.stop())

  const cases: [string, ProblemCode, string | Buffer][] = [
    ['no HTTP', 'malformed_request', 'GARBAGE\r\n\r\n'],
    ['no Host header', 'malformed_request', 'GET / HTTP/1.1\r\nConnection: close\r\n\r\n'],
    ['two lengths', 'malformed_request', request('POST /', ['Content-Length: 1', 'Content-Length: 2'], 'x')],
    ['a malformed length', 'malformed_request', request('POST /', ['Content-Length: x'])],
    ['an escape of NUL in its path', 'malformed_request', request('GET /%00')],
    ['a path above the root', 'malformed_request', request('GET /../..')],
    ['an unknown transfer coding', 'malformed_request', request('POST /', ['Transfer-Encoding: zip'])],
    ['a later version of HTTP', 'malformed_request', 'GET / HTTP/3.0\r\nHost: a\r\n\r\n'],
    ['the method TRACE', 'method_not_allowed', request('TRACE /')],
    ['the path of the error page', 'not_found', request('GET /nginx-problem')],
    [
      'a body that is too large',
      'payload_too_large',
      request('POST /', [`Content-Length: ${4 * 1024 ** 2}`]),
    ],
    ['a long path', 'header_too_large', request(`GET /${long(17_000)}`)],
    ['a long header', 'header_too_large', request('GET /', [`X-Long: ${long(17_000)}`])],
    [
      'many headers',
      'header_too_large',
      request(
        'GET /',
        Array.from({ length: 70 }, (_, at) => `X-${at}: ${long(1_000)}`),
      ),
    ],
    ['no instance', 'unavailable', request('GET /v1/users/me')],
  ]

  test.each(cases)(
    'a request with %s gets the problem %s from nginx',
    { tags: ['HTTP-22'] },
    async (_what, code, bytes) => {
      for (const url of [nginx.url, nginx.internalUrl]) {
        const { status, headers, body } = await exchange(url, bytes)
        const { title, advice } = problemTypes[code]
        expect(body).toEqual({
          type: 'about:blank',
          title,
          status: problemTypes[code].status,
          detail: advice,
          code,
          request_id: headers.get('x-request-id'),
        })
        expect([status, headers.get('content-type'), headers.get('cache-control')]).toEqual([
          problemTypes[code].status,
          'application/problem+json',
          'no-store',
        ])
        expect(headers.get('allow')).toBe(code === 'method_not_allowed' ? ALLOWED : null)
        expect(headers.get('retry-after')).toBe(code === 'unavailable' ? '1' : null)
      }
    },
  )

  test('metrics of one instance are not found through nginx', async () => {
    const { status, body } = await exchange(nginx.internalUrl, request('GET /metrics'))
    expect([status, (body as { code: string }).code]).toEqual([404, 'not_found'])
  })

  test('a flood from one address gets 429, and other addresses do not', { timeout: 60_000 }, async () => {
    // As many as one connection carries, all at the same time.
    const flood = Array.from({ length: 1_000 }, () => 'GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n').join('')
    const statuses = await Promise.all(
      Array.from({ length: 12 }, async () => {
        const socket = connect({
          port: Number(new URL(nginx.url).port),
          host: '127.0.0.1',
          localAddress: '127.0.0.9',
        })
        socket.on('error', () => undefined)
        let received = ''
        socket.setEncoding('latin1').on('data', (part: string) => (received += part))
        socket.write(flood)
        await once(socket, 'close')
        return received.match(/(?<=HTTP\/1\.1 )\d+/g) ?? []
      }),
    )
    expect(new Set(statuses.flat())).toEqual(new Set(['503', '429']))
    const other = new HttpClient(nginx.url, '127.0.0.10')
    onTestFinished(() => other.close())
    expect((await other.ask('GET', '/health/live')).status).toBe(503)
  })
})

test('one address has 256 requests in progress at most, and leaves room for others', async () => {
  const instance = await StubServer.start()
  onTestFinished(() => instance.down())
  const release = Promise.withResolvers<undefined>()
  instance.respond = ({ method }, response) => {
    const respond = () => void response.writeHead(200).end()
    // The HEAD request shows that nginx has started.
    if (method === 'GET') void release.promise.then(respond)
    else respond()
  }
  const addresses = { port: instance.port, internalPort: instance.port }
  const nginx = await startNginx([addresses, addresses, addresses])
  onTestFinished(nginx.stop)
  const inProgress = () => instance.received.filter(({ method }) => method === 'GET').length
  const limit = Number(/limit_conn in_progress (\d+);/.exec(nginxConfiguration)?.[1])
  expect(limit).toBe(256)
  const ask = async (address: string, url = nginx.url) => {
    const client = new HttpClient(url, address)
    const { status } = await client.ask('GET', '/v1/users/me')
    client.close()
    return status
  }
  const held = Array.from({ length: limit }, () => ask('127.0.0.9'))
  await expect.poll(inProgress, { timeout: 20_000 }).toBe(limit)
  expect(await ask('127.0.0.9')).toBe(429)
  const others = [ask('127.0.0.10'), ask('127.0.0.9', nginx.internalUrl)]
  await expect.poll(inProgress, { timeout: 20_000 }).toBe(limit + 2)
  release.resolve(undefined)
  expect(new Set(await Promise.all([...held, ...others]))).toEqual(new Set([200]))
})

test('nginx may open a descriptor for each of its connections', () => {
  const valueOf = (name: string) => Number(new RegExp(`${name} (\\d+);`).exec(nginxConfiguration)?.[1])
  expect(valueOf('worker_rlimit_nofile')).toBeGreaterThan(valueOf('worker_connections'))
})
