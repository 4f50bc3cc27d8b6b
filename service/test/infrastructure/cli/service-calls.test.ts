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

const responding =
  (status: number, body: unknown, type = 'application/problem+json'): RequestListener =>
  (_request, response) =>
    response
      .writeHead(status, { 'content-type': type })
      .end(typeof body === 'string' ? body : JSON.stringify(body))

const problem = (code: string, more: object = {}) => ({ code, detail: 'Words.', request_id: 'r-1', ...more })

test('a call sends the key and a JSON body, and returns the body of the response', async () => {
  const seen: unknown[] = []
  const url = await serve((request, response) => {
    const { method, url: path, headers } = request
    request.on('data', (text: Buffer) => seen.push(text.toString()))
    request.on('end', () => {
      seen.push([method, path, headers.authorization, headers['content-type']])
      responding(200, { a: 1 }, 'application/json; charset=utf-8')(request, response)
    })
  })
  expect(await callAt(url)('PUT', '/v1/users/1/roles', { roles: [] })).toEqual({ a: 1 })
  expect(seen).toEqual(['{"roles":[]}', ['PUT', '/v1/users/1/roles', `Bearer ${KEY}`, 'application/json']])
})

test('a 204 response returns undefined', async () => {
  const url = await serve((_request, response) => response.writeHead(204).end())
  expect(await callAt(url)('DELETE', '/v1/users/1/sessions')).toBeUndefined()
})

describe('an unreachable service', () => {
  test('an address where nothing listens is reported as not reachable', async () => {
    const url = await serve(() => undefined)
    const { promise, resolve } = Promise.withResolvers<undefined>()
    server?.close(() => resolve(undefined))
    await promise
    const { exitCode, message } = await failureAt(url)
    expect([exitCode, message]).toEqual([
      3,
      `chat-auth is not reachable at ${url}: nothing listens there. Start it, or give the address of its internal listener with --url.`,
    ])
  })

  test('a response that is missing or incomplete is reported as not reachable', async () => {
    expect(await failureAt(await serve(() => undefined), 50)).toMatchObject({
      exitCode: 3,
      message: expect.stringContaining('no response within 0.05 seconds') as string,
    })
    const broken = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': '100' })
      response.write('{', () => response.destroy())
    })
    expect((await failureAt(broken)).exitCode).toBe(3)
  })

  test.each([
    ['a page', responding(200, '<html>', 'text/html')],
    ['JSON of another service', responding(500, { message: 'no' }, 'application/json')],
    ['an empty error', responding(502, '')],
  ])('a response that is %s is reported as not chat-auth', async (_, listener) => {
    const { exitCode, message } = await failureAt(await serve(listener))
    expect([exitCode, message]).toEqual([3, expect.stringContaining('is not chat-auth')])
  })

  test.each(['authentication_required', 'invalid_access_token', 'not_found'])(
    'a public listener that responds %s is reported as the wrong listener',
    async (code) => {
      const { exitCode, message } = await failureAt(await serve(responding(401, problem(code))))
      expect([exitCode, message]).toEqual([3, expect.stringContaining('INTERNAL_PORT, not PORT')])
    },
  )
})

describe('a refused call', () => {
  test('a wrong key is reported with its source', async () => {
    const { exitCode, message } = await failureAt(
      await serve(responding(401, problem('invalid_service_key'))),
    )
    expect([exitCode, message]).toEqual([1, expect.stringContaining('refused the key from the tests')])
  })

  test('the detail of a refusal is printed without control characters', async () => {
    const url = await serve(responding(404, problem('user_not_found', { detail: 'No\u001b[31m user.' })))
    const { exitCode, message } = await failureAt(url)
    expect([exitCode, message]).toEqual([
      1,
      'chat-auth refused: No\\u001b[31m user. (user_not_found, request r-1)',
    ])
  })

  test('a wrong field is reported by its name', async () => {
    const errors = [{ field: 'reason', code: 'too_long', message: 'Use less.' }]
    const { message } = await failureAt(
      await serve(responding(422, problem('validation_failed', { errors }))),
    )
    expect(message).toContain('reason: Use less. (validation_failed')
  })
})

test('a redirect is not followed, so the key goes nowhere else', { tags: ['OPS-9'] }, async () => {
  const seen: string[] = []
  const url = await serve((request, response) => {
    seen.push(request.url ?? '')
    response.writeHead(307, { location: '/elsewhere' }).end()
  })
  expect((await failureAt(url)).message).toContain('is not chat-auth (status 307)')
  expect(seen).toEqual(['/v1/doctor'])
})
