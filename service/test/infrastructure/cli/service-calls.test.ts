import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { callsTo } from '../../../src/infrastructure/cli/service-calls.ts'
import { CommandFailure } from '../../../src/interface-adapters/cli/exit-codes.ts'

const KEY = 'a-service-key-of-the-tests'
let server: Server | undefined

afterEach(() => {
  server?.closeAllConnections()
  server?.close()
})

async function serve(listener: RequestListener): Promise<string> {
  server = createServer(listener)
  const { promise, resolve } = Promise.withResolvers<undefined>()
  server.listen(0, '127.0.0.1', () => resolve(undefined))
  await promise
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const callAt = (url: string, deadlineMs?: number) =>
  callsTo({ url, key: { value: KEY, source: 'the tests' } }, deadlineMs)

async function failureAt(url: string, deadlineMs?: number): Promise<CommandFailure> {
  const failure: unknown = await callAt(url, deadlineMs)('GET', '/v1/doctor').catch((error: unknown) => error)
  if (!(failure instanceof CommandFailure)) return expect.fail(`it did not fail: ${String(failure)}`)
  expect(failure.message).not.toContain(KEY)
  return failure
}

const answering =
  (status: number, body: unknown, type = 'application/problem+json'): RequestListener =>
  (_request, response) =>
    response
      .writeHead(status, { 'content-type': type })
      .end(typeof body === 'string' ? body : JSON.stringify(body))

const problem = (code: string, more: object = {}) => ({ code, detail: 'Words.', request_id: 'r-1', ...more })

test('a call shows the key, sends the body as JSON and answers the body', async () => {
  const seen: unknown[] = []
  const url = await serve((request, response) => {
    const { method, url: path, headers } = request
    request.on('data', (text: Buffer) => seen.push(text.toString()))
    request.on('end', () => {
      seen.push([method, path, headers.authorization, headers['content-type']])
      answering(200, { a: 1 }, 'application/json; charset=utf-8')(request, response)
    })
  })
  expect(await callAt(url)('PUT', '/v1/users/1/roles', { roles: [] })).toEqual({ a: 1 })
  expect(seen).toEqual(['{"roles":[]}', ['PUT', '/v1/users/1/roles', `Bearer ${KEY}`, 'application/json']])
})

test('nothing is answered by 204', async () => {
  const url = await serve((_request, response) => response.writeHead(204).end())
  expect(await callAt(url)('DELETE', '/v1/users/1/sessions')).toBeUndefined()
})

describe('is not reachable', () => {
  test('where nothing listens', async () => {
    const url = await serve(() => undefined)
    const { promise, resolve } = Promise.withResolvers<undefined>()
    server?.close(() => resolve(undefined))
    await promise
    const { exitCode, message } = await failureAt(url)
    expect([exitCode, message]).toEqual([
      3,
      `chat-auth is not reachable at ${url}: nothing listens there. Is it running? Start it, or name its internal listener with --url.`,
    ])
  })

  test('when no answer comes, or it breaks off', async () => {
    expect(await failureAt(await serve(() => undefined), 50)).toMatchObject({
      exitCode: 3,
      message: expect.stringContaining('no answer within 0.05 seconds') as string,
    })
    const broken = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': '100' })
      response.write('{', () => response.destroy())
    })
    expect((await failureAt(broken)).exitCode).toBe(3)
  })

  test.each([
    ['a page', answering(200, '<html>', 'text/html')],
    ['JSON of somebody else', answering(500, { message: 'no' }, 'application/json')],
    ['an empty error', answering(502, '')],
  ])('when it is %s that answers', async (_, listener) => {
    const { exitCode, message } = await failureAt(await serve(listener))
    expect([exitCode, message]).toEqual([3, expect.stringContaining('is not chat-auth')])
  })

  test.each(['authentication_required', 'invalid_access_token', 'not_found'])(
    'when the public listener says %s',
    async (code) => {
      const { exitCode, message } = await failureAt(await serve(answering(401, problem(code))))
      expect([exitCode, message]).toEqual([3, expect.stringContaining('INTERNAL_PORT, not PORT')])
    },
  )
})

describe('is refused', () => {
  test('a wrong key, by where it was found', async () => {
    const { exitCode, message } = await failureAt(await serve(answering(401, problem('invalid_service_key'))))
    expect([exitCode, message]).toEqual([1, expect.stringContaining('refused the key from the tests')])
  })

  test('a call, in the words of the service and harmless to a terminal', async () => {
    const url = await serve(answering(404, problem('user_not_found', { detail: 'No\u001b[31m user.' })))
    const { exitCode, message } = await failureAt(url)
    expect([exitCode, message]).toEqual([
      1,
      'chat-auth refused: No\\u001b[31m user. (user_not_found, request r-1)',
    ])
  })

  test('a field, by its name', async () => {
    const errors = [{ field: 'reason', code: 'too_long', message: 'Use less.' }]
    const { message } = await failureAt(await serve(answering(422, problem('validation_failed', { errors }))))
    expect(message).toContain('reason: Use less. (validation_failed')
  })
})

test('the key goes nowhere else: a redirect is not followed', async () => {
  const seen: string[] = []
  const url = await serve((request, response) => {
    seen.push(request.url ?? '')
    response.writeHead(307, { location: '/elsewhere' }).end()
  })
  expect((await failureAt(url)).message).toContain('is not chat-auth (status 307)')
  expect(seen).toEqual(['/v1/doctor'])
})
