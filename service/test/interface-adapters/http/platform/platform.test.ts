// The calls of the platform's other services, and refusals that match those of /v1.
import { jwtVerify } from 'jose'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ProblemCode } from '../../../../src/interface-adapters/http/problem-types.ts'
import {
  newUser,
  TestClient,
  type ApiResponse,
  type TestUser,
  type Tokens,
} from '../../../support/test-client.ts'
import { exchange, request } from '../../../support/raw-exchange.ts'
import {
  databaseNames,
  startTestService,
  withoutMail,
  type TestService,
} from '../../../support/test-service.ts'
import {
  DEFAULT_AVATAR,
  expectEnded,
  expectPrivate,
  expectProblem,
} from '../../../support/http-expectations.ts'

const FRONTEND = 'http://localhost:3000'
const KEY = 'the-KEY-of-the-older-services-0123456789'
/** The settings that docs/platform.md recommends. */
const settings = {
  TOKEN_ALGORITHM: 'HS256',
  TOKEN_SHARED_SECRET: KEY,
  TOKEN_AUDIENCE: '',
  PLATFORM_OPEN_LOOKUP: 'true',
  CORS_ORIGINS: FRONTEND,
}

const TRY_AGAIN = /^There were too many attempts\. Try again in \d+ (second|minute)s?\.$/

const picture = (format: 'png' | 'jpeg', red = 200): Promise<Buffer> =>
  sharp({ create: { width: 40, height: 30, channels: 3, background: { r: red, g: 0, b: 0 } } })
    .toFormat(format)
    .toBuffer()
const formWith = (content: Buffer | string, name: string): FormData => {
  const form = new FormData()
  form.append('avatar', new File([Buffer.from(content)], name))
  return form
}

describe.each(databaseNames)('the platform routes, on %s', (database) => {
  let service: TestService
  /** A service with the default settings. */
  let plain: TestService

  beforeAll(async () => {
    service = await startTestService(database, { ...settings, ...withoutMail })
    plain = await startTestService(database, withoutMail)
  })
  afterAll(() => Promise.all([service.stop(), plain.stop()]))

  const client = () => service.client()
  /** The messaging service, which sends no service key. */
  const messaging = (of = service) => new TestClient(of.internalUrl)
  const register = () => client().register()
  const signIn = async ({ username, password }: TestUser, of = service): Promise<Tokens> =>
    (await of.client().post('/sessions/', { username, password })).body as Tokens
  const signedIn = async (): Promise<{ person: TestUser; tokens: Tokens; token: string }> => {
    const person = await register()
    const tokens = await signIn(person)
    return { person, tokens, token: tokens.access_token }
  }

  describe.each(['', '/'])('with "%s" at the end', (end) => {
    const post = (path: string, body?: unknown, token?: string) => client().post(path + end, body, token)
    const expectOk = (response: ApiResponse, body: unknown) => {
      expect([response.status, response.body]).toEqual([200, body])
      expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8')
      expectPrivate(response)
    }
    const pair = {
      access_token: expect.stringMatching(/^[\w-]+(\.[\w-]+){2}$/) as string,
      refresh_token: expect.any(String) as string,
    }
    const expectDone = ({ status, body }: ApiResponse) => expect([status, body]).toEqual([204, undefined])

    test('a user signs up, signs in, refreshes and signs out on the platform routes', async () => {
      const { username, email, password } = newUser()
      const signedUp = await post('/users', { username, password, email })
      const { id } = signedUp.body as TestUser
      expectOk(signedUp, { id: expect.any(Number) as number, username, avatar_url: DEFAULT_AVATAR })

      const first = await post('/sessions', { username, password })
      expectOk(first, pair)
      const { refresh_token } = first.body as Tokens
      const next = await post('/sessions/refresh', { refresh_token })
      expectOk(next, pair)
      const { access_token: token } = next.body as Tokens
      expectOk(await client().get(`/users/me${end}`, token), { id, username, avatar_url: DEFAULT_AVATAR })

      expectDone(await post('/sessions/terminate', undefined, token))
      expectEnded(await client().get('/v1/users/me', token), 'signed_out')
    })

    test('a user changes name, address and picture and is found by the new name', async () => {
      const [ann, bob] = [await signedIn(), await signedIn()]
      const { username, email } = newUser()
      const { id } = ann.person
      const body = { username, email }
      const changed = await client().patch(`/users/update${end}`, body, ann.token)
      expectOk(changed, { id, username, avatar_url: DEFAULT_AVATAR })
      expect((await client().get('/v1/users/me', ann.token)).body).toMatchObject({ username, email })

      const pictures = { 'me.jpg': 'jpeg', 'me.jpeg': 'jpeg', 'me.png': 'png' } as const
      for (const [name, format] of Object.entries(pictures)) {
        const form = formWith(await picture(format, name.length), name)
        const response = await client().request('PATCH', `/users/avatar${end}`, {
          body: form,
          token: ann.token,
        })
        expectOk(response, {
          avatar_url: expect.stringMatching(/^http:\/\/localhost:8000\/v1\/media\/.*webp$/) as string,
        })
      }

      const { body: me } = await client().get('/users/me', ann.token)
      expect(me).toMatchObject({ avatar_url: expect.stringMatching(/webp$/) as string })
      const part = username.slice(2, -1).toUpperCase()
      const search = (token: string) => client().get(`/users/search${end}?username=${part}`, token)
      expectOk(await search(bob.token), [me])
      expectOk(await search(ann.token), [])
    })

    test('signing out everywhere ends every session, however long ago the sign-in was', async () => {
      const { person, tokens } = await signedIn()
      service.clock.advance({ hours: 1 })
      const others = [await signIn(person), await signIn(person)]
      const refreshed = await post('/sessions/refresh', { refresh_token: tokens.refresh_token })
      const { access_token: token } = refreshed.body as Tokens
      expectDone(await post('/sessions/terminate-all', undefined, token))
      expectEnded(await client().get('/v1/users/me', token), 'signed_out')
      for (const other of others) {
        expectEnded(await client().get('/v1/users/me', other.access_token), 'terminated')
        expectEnded(await client().refresh(other.refresh_token), 'terminated')
      }
    })

    test('signing out ends only the session of the token', async () => {
      const { person, token } = await signedIn()
      const other = await signIn(person)
      expectDone(await post('/sessions/terminate', undefined, token))
      expectEnded(await client().get('/v1/users/me', token), 'signed_out')
      expect((await client().get('/users/me', other.access_token)).status).toBe(200)
    })

    test('the messaging service looks up users without a service key', async () => {
      const [ann, bob] = [await register(), await register()]
      const { body: profile } = await client().get(`/v1/users/${ann.id}`, await tokenOf(bob))
      const body = { user_ids: [bob.id, 999_999_999, ann.id, bob.id] }
      const response = await messaging().post(`/users/get-users-info${end}`, body)
      expectOk(response, [{ id: bob.id, username: bob.username, avatar_url: DEFAULT_AVATAR }, profile])
      expectOk(await messaging().post(`/users/get-users-info${end}`, { user_ids: [] }), [])
    })
  })

  const tokenOf = async (person: TestUser) => (await signIn(person)).access_token

  describe('parallel tabs', () => {
    test('parallel tabs that refresh one token all get the same successor', async () => {
      const { tokens } = await signedIn()
      const { refresh_token } = tokens
      const tabs = Array.from({ length: 20 }, () => client().post('/sessions/refresh', { refresh_token }))
      const responses = await Promise.all(tabs)
      expect(responses.map(({ status }) => status)).toEqual(Array<number>(20).fill(200))
      const pairs = responses.map(({ body }) => body as Tokens)
      expect(new Set(pairs.map((pair) => pair.refresh_token)).size).toBe(1)
      for (const { access_token } of pairs) {
        expect((await client().get('/users/me', access_token)).status).toBe(200)
      }
      const again = await client().post('/sessions/refresh/', { refresh_token: pairs[0]?.refresh_token })
      expect(again.status).toBe(200)
    })
  })

  describe('signing out', () => {
    test.each(['application/x-www-form-urlencoded', 'application/json'])(
      'signing out accepts an empty body of the type %s',
      async (type) => {
        for (const path of ['/sessions/terminate', '/sessions/terminate-all']) {
          const { token } = await signedIn()
          expect(
            (
              await client().request('POST', path, {
                body: '',
                token,
                headers: { 'content-type': type },
              })
            ).status,
          ).toBe(204)
        }
      },
    )
  })

  describe('a search', () => {
    const search = (query: string, token: string) => client().get(`/users/search?${query}`, token)

    test('a platform search returns at most 50 users, the exact match first', async () => {
      const { token } = await signedIn()
      const stem = newUser().username.slice(0, 12)
      for (let at = 0; at < 51; at += 1) {
        const letters = [Math.floor(at / 8), at % 8].map((digit) => 'abcdefgh'[digit] ?? '').join('')
        await client().register({ username: `${stem}${letters}`, email: newUser().email })
      }
      const { username } = await client().register({ username: stem })
      const { body } = await search(`username=${stem}`, token)
      expect(body).toHaveLength(50)
      expect((body as TestUser[])[0]?.username).toBe(username)
    })

    test('a search text of any length finds a list, which the frontend can show', async () => {
      const { token } = await signedIn()
      for (const part of ['x'.repeat(129), 'é'.repeat(129), 'x'.repeat(8_000)]) {
        const found = await search(`username=${encodeURIComponent(part)}`, token)
        expect(found).toMatchObject({ status: 200, body: [] })
      }
    })

    test.each(['', '%20', '%25', '_%25', '%00', '%F0%9F%8F%B3', 'x'.repeat(100)])(
      'a platform search for "%s" finds no user',
      async (part) => {
        const { token } = await signedIn()
        expect(await search(`username=${part}`, token)).toMatchObject({ status: 200, body: [] })
      },
    )

    test('a platform search leaves out disabled users', async () => {
      const [ann, bob] = [await signedIn(), await register()]
      await service.operator().post(`/v1/users/${bob.id}/disable`, { reason: 'Spam' })
      expect((await search(`username=${bob.username}`, ann.token)).body).toEqual([])
    })
  })

  describe('a change of the e-mail address', () => {
    const change = (body: object, token: string) => client().patch('/users/update', body, token)

    test(
      'a new e-mail address needs the password long after the sign-in',
      { tags: ['SIGN-IN-21'] },
      async () => {
        const { person, tokens } = await signedIn()
        const { username, email, password } = newUser()
        service.clock.advance({ minutes: 11 })
        const refreshed = await client().post('/sessions/refresh', { refresh_token: tokens.refresh_token })
        const { access_token: token } = refreshed.body as Tokens
        const { body, status } = await change({ username, email }, token)
        const message =
          'To change the e-mail address, sign out and sign in again. Then change it within a few minutes.'
        expect([status, body]).toEqual([422, expect.objectContaining({ details: { email: message } })])
        const { body: me } = await client().get('/v1/users/me', token)
        expect(me).toMatchObject({ username: person.username, email: person.email })

        const wrong = await change({ username, email, current_password: password }, token)
        expect(wrong.body).toMatchObject({ details: { email: 'This is not your current password.' } })
        const right = await change({ username, email, current_password: person.password }, token)
        expect([right.status, right.body]).toMatchObject([200, { username }])
      },
    )

    test('a change of name with the current e-mail address never needs a password', async () => {
      const { person, tokens } = await signedIn()
      service.clock.advance({ hours: 1 })
      const refreshed = await client().post('/sessions/refresh', { refresh_token: tokens.refresh_token })
      const { access_token: token } = refreshed.body as Tokens
      const { username } = newUser()
      const response = await change({ username, email: person.email }, token)
      expect([response.status, response.body]).toMatchObject([200, { username }])
    })

    test('the profile form, which sends an empty address, changes only the name', async () => {
      const { person, tokens } = await signedIn()
      service.clock.advance({ hours: 1 })
      const refreshed = await client().post('/sessions/refresh', { refresh_token: tokens.refresh_token })
      const { access_token: token } = refreshed.body as Tokens
      const { username } = newUser()
      const body = `{"username":"${username}","email":""}`
      const headers = [
        `Authorization: Bearer ${token}`,
        'Accept: application/json, text/plain, */*',
        'Content-Type: application/json',
        `Content-Length: ${body.length}`,
      ]
      const response = await exchange(service.url, request('PATCH /users/update', headers, body))
      expect([response.status, response.body]).toMatchObject([200, { username }])
      const { body: me } = await client().get('/v1/users/me', token)
      expect(me).toMatchObject({ username, email: person.email })
    })

    test.each(['', '  ', '\t\u00A0'])('a name and an address of %j stay as they are', async (blank) => {
      const { person, token } = await signedIn()
      const response = await change({ username: blank, email: blank }, token)
      expect([response.status, response.body]).toMatchObject([200, { username: person.username }])
      const { email } = newUser()
      expect((await change({ username: blank, email }, token)).status).toBe(200)
      const { body: me } = await client().get('/v1/users/me', token)
      expect(me).toMatchObject({ username: person.username, email })
    })

    test('attempts to change to a taken e-mail address are limited', async () => {
      const [{ token }, other] = [await signedIn(), await register()]
      service.clock.stop()
      const attempt = () => change({ email: other.email }, token)
      for (let at = 0; at < 5; at += 1) expect((await attempt()).body).toMatchObject({ code: 'email_taken' })
      expect((await attempt()).body).toMatchObject({ code: 'too_many_attempts' })
    })
  })

  describe('a refusal', () => {
    interface Given {
      readonly person: TestUser
      readonly other: TestUser
      readonly token: string
    }
    type Call = (given: Given) => Promise<ApiResponse>
    interface Refused {
      readonly what: string
      readonly code: ProblemCode
      readonly older: Call
      readonly v1: Call
      /** The message at each field. `true` stands for the detail of the problem. */
      readonly details: Record<string, true | RegExp>
    }
    const both = { username: true, password: true } as const
    const upload =
      (method: string, path: string, body: unknown): Call =>
      ({ token }) =>
        client().request(method, path, { body, token })
    const refused = (
      what: string,
      code: ProblemCode,
      [older, v1]: [Call, Call],
      details: Refused['details'] = {},
    ): Refused => ({ what, code, older, v1, details })
    const signIns = (body: (given: Given) => unknown): [Call, Call] => [
      (given) => client().post('/sessions/', body(given)),
      (given) => client().post('/v1/sessions', body(given)),
    ]
    const signUps = (body: (given: Given) => object): [Call, Call] => [
      (given) => client().post('/users', { ...credentials(), ...body(given) }),
      (given) => client().post('/v1/users', { ...credentials(), ...body(given) }),
    ]
    const credentials = () => {
      const { username, email, password } = newUser()
      return { username, email, password }
    }
    const updates = (body: (given: Given) => unknown): [Call, Call] => [
      (given) => client().patch('/users/update', body(given), given.token),
      (given) =>
        client().patch(
          '/v1/users/me',
          { ...(body(given) as object), current_password: given.person.password },
          given.token,
        ),
    ]
    const refreshes = (body: unknown): [Call, Call] => [
      () => client().post('/sessions/refresh', body),
      () => client().post('/v1/sessions/refresh', body),
    ]
    const uploads = (body: unknown): [Call, Call] => [
      upload('PATCH', '/users/avatar', body),
      upload('PUT', '/v1/users/me/avatar', body),
    ]
    const disabled: Call = async ({ person }) =>
      service.operator().post(`/v1/users/${person.id}/disable`, { reason: 'Spam' })
    const after = (first: Call, calls: [Call, Call]): [Call, Call] =>
      calls.map((call): Call => async (given) => {
        await first(given)
        return call(given)
      }) as [Call, Call]
    const guessesAt =
      (path: string): Call =>
      async ({ person: { username } }) => {
        service.clock.stop()
        const stranger = client()
        const guess = () => stranger.post(path, { username, password: 'wrong' })
        for (let at = 0; at < 10; at += 1) await guess()
        return guess()
      }

    const cases: Refused[] = [
      refused(
        'a wrong password',
        'invalid_credentials',
        signIns(({ person: { username } }) => ({ username, password: 'wrong' })),
        both,
      ),
      refused(
        'an unknown name',
        'invalid_credentials',
        signIns(() => ({ username: newUser().username, password: 'wrong' })),
        both,
      ),
      refused(
        'a disabled user',
        'user_disabled',
        after(
          disabled,
          signIns(({ person: { username, password } }) => ({ username, password })),
        ),
        both,
      ),
      refused('too many guesses', 'too_many_attempts', [guessesAt('/sessions'), guessesAt('/v1/sessions')], {
        username: TRY_AGAIN,
        password: TRY_AGAIN,
      }),
      refused(
        'a sign-in without fields',
        'validation_failed',
        signIns(() => ({})),
        { username: /required/, password: /required/ },
      ),
      refused(
        'a sign-in with a number',
        'validation_failed',
        signIns(() => ({ username: 1, password: 'x' })),
        { username: /type string/ },
      ),
      refused(
        'broken JSON',
        'malformed_request',
        signIns(() => '{"username":'),
        { username: /Reload the page/, password: /Reload the page/ },
      ),
      refused(
        'a body that is too large',
        'payload_too_large',
        signIns(() => ({ username: 'x'.repeat(17_000) })),
        { username: /too long/, password: /too long/ },
      ),
      refused('a refresh token that is none', 'invalid_refresh_token', refreshes({ refresh_token: 'x' })),
      refused('a refresh token that is a number', 'validation_failed', refreshes({ refresh_token: 1 }), {
        refresh_token: /type string/,
      }),
      refused(
        'a name of 3 characters',
        'validation_failed',
        signUps(() => ({ username: 'ann' })),
        { username: /4 to 32 characters/ },
      ),
      refused(
        'a password of 7 characters',
        'validation_failed',
        signUps(() => ({ password: 'q7-Zr.k' })),
        { password: /8 to 128 characters/ },
      ),
      refused(
        'a common password',
        'validation_failed',
        signUps(() => ({ password: 'password123' })),
        { password: /./ },
      ),
      refused(
        'an invalid e-mail address',
        'validation_failed',
        signUps(() => ({ email: 'nowhere' })),
        { email: /complete e-mail/ },
      ),
      refused(
        'three empty fields',
        'validation_failed',
        signUps(() => ({ username: '', email: '', password: '' })),
        { username: /./, email: /./, password: /./ },
      ),
      refused(
        'a taken name',
        'username_taken',
        signUps(({ other: { username } }) => ({ username })),
        { username: true },
      ),
      refused(
        'a taken address',
        'email_taken',
        signUps(({ other: { email } }) => ({ email })),
        { email: true },
      ),
      refused(
        'a change to a taken name',
        'username_taken',
        updates(({ person: { email }, other: { username } }) => ({ username, email })),
        { username: true },
      ),
      refused(
        'a change to a taken address',
        'email_taken',
        updates(({ person: { username }, other: { email } }) => ({ username, email })),
        { email: true },
      ),
      refused(
        'a change to invalid values',
        'validation_failed',
        updates(() => ({ username: 'a b', email: 'x' })),
        { username: /the space/, email: /complete e-mail/ },
      ),
      refused(
        'a picture of 2 MiB and a byte',
        'picture_too_large',
        uploads(formWith(Buffer.alloc(2 ** 21 + 1), 'me.png')),
        { avatar: true },
      ),
      refused('a file that is not a picture', 'unsupported_picture', uploads(formWith('<svg/>', 'me.png')), {
        avatar: true,
      }),
      refused(
        'a truncated picture',
        'validation_failed',
        uploads(formWith(Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), 'me.png')),
        { avatar: /./ },
      ),
      refused('a picture in another field', 'validation_failed', uploads(new FormData()), {
        avatar: /"avatar"/,
      }),
      refused('a picture as JSON', 'unsupported_media_type', uploads('{}'), {
        avatar: /Reload the page/,
      }),
      refused(
        'a search without a name',
        'validation_failed',
        [
          ({ token }) => client().get('/users/search', token),
          ({ token }) => client().get('/v1/users', token),
        ],
        { username: /required/ },
      ),
    ]

    test.each(cases)(
      'the platform refusal of $what matches /v1 and names the field of each message',
      { tags: ['HTTP-19'] },
      async ({ code, older, v1, details }) => {
        const given = async (): Promise<Given> => {
          const { person, token } = await signedIn()
          return { person, token, other: await register() }
        }
        const [response, modern] = [await older(await given()), await v1(await given())]
        const { details: shown, ...rest } = response.body as {
          details: Record<string, string>
          detail: string
          errors?: object
        }
        expectProblem(response, code, { details: shown, ...(rest.errors && { errors: rest.errors }) })
        // The older routes offer no challenge, so their text does not name one.
        const { challenge, ...modernBody } = modern.body as { challenge?: object; request_id: string }
        const wanted = challenge === undefined ? modernBody : { ...modernBody, detail: rest.detail }
        const { request_id } = modernBody
        expect([response.status, { ...rest, request_id }]).toEqual([modern.status, wanted])
        const expected = Object.entries(details).map(([field, text]) => [
          field,
          text === true ? rest.detail : (expect.stringMatching(text) as string),
        ])
        expect(shown).toEqual(Object.fromEntries(expected))
      },
    )

    test.each([
      ['POST', '/sessions/terminate'],
      ['POST', '/sessions/terminate-all'],
      ['GET', '/users/me'],
      ['GET', '/users/search?username=ann'],
      ['PATCH', '/users/update'],
      ['PATCH', '/users/avatar'],
    ])('%s %s checks the access token before anything else', { tags: ['HTTP-19'] }, async (method, path) => {
      for (const slashed of [path, path.replace(/(?=\?|$)/, '/')]) {
        const ask = async (token?: string) => {
          const response = await client().request(method, slashed, { token })
          return [response, { details: (response.body as { details: object }).details }] as const
        }
        const [missing, details] = await ask()
        expectProblem(missing, 'authentication_required', details)
        const [wrong, otherDetails] = await ask('nonsense')
        expectProblem(wrong, 'invalid_access_token', otherDetails)
      }
    })

    test('a replayed refresh token ends the session on the platform routes, as in /v1', async () => {
      const { tokens } = await signedIn()
      const refresh = async (refresh_token: string) => client().post('/sessions/refresh', { refresh_token })
      const next = (await refresh(tokens.refresh_token)).body as Tokens
      const last = (await refresh(next.refresh_token)).body as Tokens
      expectProblem(await refresh(tokens.refresh_token), 'refresh_token_reused', { details: {} })
      const ended = await refresh(last.refresh_token)
      expectProblem(ended, 'session_ended', { reason: 'refresh_token_reused', details: {} })
    })
  })

  describe('an access token for the other platform services', () => {
    const secret = Buffer.from(KEY)

    test('a platform access token is verified with the shared key and has a numeric user id', async () => {
      const { person, tokens } = await signedIn()
      const refreshed = await client().post('/sessions/refresh/', { refresh_token: tokens.refresh_token })
      for (const { access_token: token } of [tokens, refreshed.body as Tokens]) {
        const { payload, protectedHeader } = await jwtVerify(token, secret, {
          algorithms: ['HS256'],
          requiredClaims: ['exp', 'iat', 'iss', 'sub', 'jti', 'sid'],
        })
        expect(protectedHeader.alg).toBe('HS256')
        expect(payload).toMatchObject({ user_id: person.id, sub: String(person.id) })
        // PyJWT and others refuse a token with an audience they do not expect.
        expect(payload).not.toHaveProperty('aud')
      }
    })

    test('a platform access token is refused with another key or algorithm', async () => {
      const { token } = await signedIn()
      const another = Buffer.from(KEY.toUpperCase())
      await expect(jwtVerify(token, another, { algorithms: ['HS256'] })).rejects.toThrow()
      await expect(jwtVerify(token, secret, { algorithms: ['HS512'] })).rejects.toThrow()
    })

    test('a service with a shared secret publishes no keys', async () => {
      expect((await client().get('/.well-known/jwks.json')).body).toEqual({ keys: [] })
    })
  })

  describe('with the default settings', () => {
    test('the platform routes work with default settings, with tokens the shared key cannot verify', async () => {
      const person = await plain.client().register()
      const tokens = await signIn(person, plain)
      const { body } = await plain.client().get('/users/me/', tokens.access_token)
      expect(body).toEqual({ id: person.id, username: person.username, avatar_url: DEFAULT_AVATAR })
      await expect(jwtVerify(tokens.access_token, Buffer.from(KEY))).rejects.toThrow()
    })

    test('with default settings, a lookup of users needs a service key', { tags: ['HTTP-20'] }, async () => {
      const { id, username } = await plain.client().register()
      for (const path of ['/users/get-users-info', '/users/get-users-info/']) {
        expectProblem(await messaging(plain).post(path, { user_ids: [id] }), 'invalid_service_key', {
          details: {},
        })
        expectProblem(await messaging(plain).post(path, '{'), 'invalid_service_key', { details: {} })
        const { body } = await plain.operator().post(path, { user_ids: [id] })
        expect(body).toEqual([{ id, username, avatar_url: DEFAULT_AVATAR }])
      }
    })
  })

  test('an open lookup opens no other route of the internal listener', { tags: ['HTTP-20'] }, async () => {
    const guest = messaging()
    for (const path of ['/v1/revocations', '/v1/users/1', '/v1/users/1/sessions']) {
      expectProblem(await guest.get(path), 'invalid_service_key')
    }
    expectProblem(await guest.post('/v1/users/lookup', { ids: [1] }), 'invalid_service_key')
    for (const path of ['/sessions', '/users', '/users/me', '/users/search']) {
      expectProblem(await guest.get(path), 'not_found')
    }
  })

  test('the public listener has no platform lookup', { tags: ['HTTP-20'] }, async () => {
    const { token } = await signedIn()
    for (const path of ['/users/get-users-info', '/users/get-users-info/']) {
      expectProblem(await client().post(path, { user_ids: [1] }, token), 'not_found')
    }
  })

  test.each([
    ['nothing', {}],
    ['null', { user_ids: null }],
    ['a number', { user_ids: 1 }],
    ['text', { user_ids: ['1'] }],
    ['zero', { user_ids: [0] }],
    ['a half', { user_ids: [1.5] }],
    ['1,001 ids', { user_ids: Array<number>(1001).fill(1) }],
    ['a bare list', [1]],
  ])('a platform lookup of %s is refused', async (_, body) => {
    const { status, body: problem } = await messaging().post('/users/get-users-info', body)
    const [message] = Object.values((problem as { details: object }).details) as string[]
    expect([status, problem]).toMatchObject([422, { code: 'validation_failed' }])
    expect(message).toMatch(/^[A-Z].*[.]$/)
  })

  test('a platform lookup accepts 1,000 of the longest ids', async () => {
    const user_ids = Array.from({ length: 1000 }, (_, at) => Number.MAX_SAFE_INTEGER - at)
    const body = JSON.stringify({ user_ids }, undefined, 2)
    expect(await messaging().post('/users/get-users-info', body)).toMatchObject({ status: 200, body: [] })
  })

  test.each([
    ['POST', '/sessions/'],
    ['PATCH', '/users/update'],
    ['GET', '/users/me'],
  ])('the frontend may call %s %s only from its own origin', async (method, path) => {
    const ask = (origin: string) =>
      client().request('OPTIONS', path, {
        headers: {
          origin,
          'access-control-request-method': method,
          'access-control-request-headers': 'authorization,content-type',
        },
      })
    const { status, headers } = await ask(FRONTEND)
    expect([status, headers.get('access-control-allow-origin')]).toEqual([204, FRONTEND])
    expect(headers.get('access-control-allow-methods')).toContain(method)
    expect((await ask('https://evil.example')).headers.get('access-control-allow-origin')).toBeNull()
  })
})
