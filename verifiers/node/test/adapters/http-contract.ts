// How a guarded server responds, with any framework.
import { once } from 'node:events'
import { request as send, type IncomingMessage } from 'node:http'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { TokenRefused } from '../../src/token/token-refused.ts'
import type { AuthenticationRequirements, RefusalCode } from '../../src/token-types.ts'
import { FakeVerifier, noon, sid, someClaims } from './fake-verifier.ts'

export interface RunningServer {
  readonly port: number
  stop(): Promise<void>
}

interface Answer {
  readonly status: number | undefined
  readonly headers: Record<string, string | string[] | undefined>
  readonly body: unknown
}

/** The requirements of `/recent`. */
export const recent: AuthenticationRequirements = { maxAgeSeconds: 60, amr: ['pwd'] }

/**
 * `start` serves `{ user_id }` of the claims under `/guarded` and, for a recent authentication, under `/recent`, and anything
 * under `/open`. A framework that `joinsHeaders` shows two headers as one, with a comma; one that
 * `readsBody` does so before it asks anybody.
 */
export function guardsRequests(
  start: (verifier: FakeVerifier) => Promise<RunningServer>,
  { joinsHeaders = false, readsBody = false } = {},
): void {
  const verifier = new FakeVerifier()
  const verify = verifier.verify.bind(verifier)
  let server: RunningServer

  beforeAll(async () => {
    server = await start(verifier)
  })
  afterAll(() => server.stop())
  beforeEach(() => {
    verifier.tokens.clear()
    verifier.tokens.set('good.token-0', someClaims())
    verifier.verify = verify
    verifier.now = noon
  })

  const get = (authorization?: string | string[], path = '/guarded', method = 'GET'): Promise<Answer> =>
    exchange(server.port, path, method, authorization)

  describe('a request', () => {
    test('a request is served with the claims of its token', async () => {
      expect(await get('Bearer good.token-0')).toMatchObject({ status: 200, body: { user_id: 7 } })
    })

    test.each([
      'bearer good.token-0',
      'BEARER good.token-0',
      'Bearer   good.token-0',
      ' Bearer good.token-0 ',
    ])('a request with the header %j is served', async (header) => {
      expect((await get(header)).status).toBe(200)
    })

    test('a request to an unguarded route needs no token', async () => {
      expect((await get(undefined, '/open')).status).toBe(200)
    })

    test.each([undefined, 'Basic dXNlcjpwYXNz', 'Bearertoken', 'Digest username="Bearer good.token-0"'])(
      'a request with the header %j gets a challenge without an error code',
      async (header) => {
        const answer = await get(header)
        expect(answer).toMatchObject({ status: 401, body: { code: 'authentication_required' } })
        expect(answer.headers['www-authenticate']).toBe('Bearer')
      },
    )

    test.each([
      '',
      'Bearer',
      'Bearer ',
      'Bearer good.token-0 good.token-0',
      'Bearer good.token-0, Bearer good.token-0',
      'Bearer "good.token-0"',
      'Bearer\tgood.token-0',
      'Bearer gööd',
      'Bearer good=token',
    ])('a request with the header %j is refused as an invalid token', async (header) => {
      const answer = await get(header)
      expect(answer).toMatchObject({ status: 401, body: { code: 'invalid_access_token' } })
      expect(answer.headers['www-authenticate']).toBe('Bearer error="invalid_token"')
    })

    test.each([[['Bearer good.token-0', 'Bearer forged']], [['Bearer good.token-0', 'Bearer good.token-0']]])(
      'a request with two Authorization headers is refused: %j',
      async (headers) => {
        expect(await get(headers)).toMatchObject({ status: 401, body: { code: 'invalid_access_token' } })
      },
    )

    test('a request with headers of two schemes is refused', async () => {
      const code = joinsHeaders ? 'authentication_required' : 'invalid_access_token'
      expect(await get(['Basic dXNlcjpwYXNz', 'Bearer good.token-0'])).toMatchObject({
        status: 401,
        body: { code },
      })
    })

    if (!readsBody) {
      test('a request with a body is refused before the body is read', async () => {
        expect((await get('Bearer forged', '/guarded', 'POST')).status).toBe(401)
      })
    }

    test('a refused HEAD request gets no body', async () => {
      expect(await get('Bearer forged', '/guarded', 'HEAD')).toMatchObject({ status: 401, body: undefined })
    })
  })

  describe('a refusal', () => {
    const refusing = (code: RefusalCode, reason?: string): Promise<Answer> => {
      verifier.verify = () => Promise.reject(new TokenRefused(code, reason === undefined ? {} : { reason }))
      return get('Bearer good.token-0')
    }

    test.each([
      'malformed_token',
      'unknown_key',
      'wrong_algorithm',
      'bad_signature',
      'wrong_type',
      'wrong_issuer',
      'wrong_audience',
      'expired',
      'not_yet_valid',
      'invalid_claims',
    ] as const)('a refusal for %s is 401 invalid_access_token without details', async (code) => {
      const answer = await refusing(code)
      expect(answer.body).toEqual({
        title: 'Invalid access token',
        status: 401,
        detail: 'The access token is malformed, expired or not meant for this service. Refresh the session.',
        code: 'invalid_access_token',
      })
      expect(answer.headers).toMatchObject({
        // Fastify adds a charset, which JSON has no use for.
        'content-type': expect.stringMatching(/^application\/problem\+json(;|$)/) as string,
        'www-authenticate': 'Bearer error="invalid_token"',
        'cache-control': 'no-store',
      })
    })

    test('the refusal of an ended session contains the reason of the end', async () => {
      verifier.tokens.set('ended', someClaims({ sid: sid(9) }))
      verifier.end(sid(9), 'password_changed')
      const answer = await get('Bearer ended')
      expect(answer).toMatchObject({
        status: 401,
        body: { code: 'session_ended', reason: 'password_changed' },
      })
      expect(answer.headers['www-authenticate']).toBe('Bearer error="invalid_token"')
    })

    test('the refusal of an outdated token says to refresh', async () => {
      verifier.tokens.set('outdated', someClaims({ sid: sid(8), gen: 3 }))
      verifier.outdate(sid(8), 3)
      const answer = await get('Bearer outdated')
      expect(answer).toMatchObject({ status: 401, body: { code: 'token_outdated' } })
      expect((answer.body as { detail: string }).detail).toContain('Refresh')
      expect(answer.headers['www-authenticate']).toBe('Bearer error="invalid_token"')
    })

    test('a user who authenticated too long ago gets the challenge of RFC 9470', async () => {
      verifier.now = noon + 60
      expect((await get('Bearer good.token-0', '/recent')).status).toBe(200)
      verifier.now += 1
      const answer = await get('Bearer good.token-0', '/recent')
      expect(answer).toMatchObject({
        status: 401,
        body: { code: 'reauthentication_required', title: 'Reauthentication required' },
      })
      expect(answer.headers).toMatchObject({
        'www-authenticate': 'Bearer error="insufficient_user_authentication", max_age="60"',
        'cache-control': 'no-store',
      })
      expect((await get('Bearer good.token-0')).status).toBe(200)
    })

    test('a refusal for the methods of the authentication names no age', async () => {
      const answer = await refusing('reauthentication_required')
      expect(answer.headers['www-authenticate']).toBe('Bearer error="insufficient_user_authentication"')
    })

    test.each(['stale', 'unavailable'] as const)(
      'the refusal of a verifier that is %s is 503, never 401',
      async (code) => {
        const answer = await refusing(code)
        expect(answer).toMatchObject({ status: 503, body: { code: 'unavailable' } })
        expect(answer.headers).toMatchObject({ 'retry-after': '2', 'cache-control': 'no-store' })
        expect(answer.headers['www-authenticate']).toBeUndefined()
      },
    )

    test('a refusal never contains the token', async () => {
      const { headers, body } = await get('Bearer a-secret-that-leaks')
      expect(JSON.stringify([headers, body])).not.toContain('a-secret-that-leaks')
    })
  })

  test('a fault of the verifier is a fault of the server, not a refusal', async () => {
    verifier.verify = () => Promise.reject(new Error('a bug'))
    expect((await get('Bearer good.token-0')).status).toBe(500)
  })
}

/** One request on a connection of its own; `fetch` would neither repeat a header nor send a bad one. */
async function exchange(
  port: number,
  path: string,
  method: string,
  authorization?: string | string[],
): Promise<Answer> {
  const request = send({ host: '127.0.0.1', port, path, method, agent: false })
  if (authorization !== undefined) request.setHeader('authorization', authorization)
  request.end(method === 'POST' ? '{' : undefined)
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  const text = Buffer.concat(await response.toArray()).toString()
  const body: unknown = text.startsWith('{') ? JSON.parse(text) : text === '' ? undefined : text
  return { status: response.statusCode, headers: response.headers, body }
}
