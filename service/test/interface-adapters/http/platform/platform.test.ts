// The calls that the platform's other services make, as they make them; the parity of refusals with /v1.
import { jwtVerify } from 'jose'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ProblemCode } from '../../src/interface-adapters/http/problem-details.ts'
import { newPerson, TestClient, type Answer, type Person, type Tokens } from '../support/test-client.ts'
import { databaseNames, startTestService, type TestService } from '../support/test-service.ts'
import { DRAWN_AVATAR, expectEnded, expectPrivate, expectProblem } from './expectations.ts'

const FRONTEND = 'http://localhost:3000'
const KEY = 'the-KEY-of-the-older-services-0123456789'
/** As docs/platform.md says. */
const settings = {
  TOKEN_ALGORITHM: 'HS256',
  TOKEN_SHARED_SECRET: KEY,
  TOKEN_AUDIENCE: '',
  PLATFORM_OPEN_LOOKUP: 'true',
  CORS_ORIGINS: FRONTEND,
}

const picture = (format: 'png' | 'jpeg', red = 200): Promise<Buffer> =>
  sharp({ create: { width: 40, height: 30, channels: 3, background: { r: red, g: 0, b: 0 } } })
    .toFormat(format)
    .toBuffer()
const formWith = (content: Buffer | string, name: string): FormData => {
  const form = new FormData()
  form.append('avatar', new File([Buffer.from(content)], name))
  return form
}

describe.each(databaseNames)('the older routes, on %s', (database) => {
  let service: TestService
  /** With its defaults. */
  let plain: TestService

  beforeAll(async () => {
    service = await startTestService(database, settings)
    plain = await startTestService(database)
  })
  afterAll(() => Promise.all([service.stop(), plain.stop()]))

  const client = () => service.client()
  /** The messaging service: it shows no key. */
  const messaging = (of = service) => new TestClient(of.internalUrl)
  const register = () => client().register()
  const signIn = async ({ username, password }: Person, of = service): Promise<Tokens> =>
    (await of.client().post('/sessions/', { username, password })).body as Tokens
  const signedIn = async (): Promise<{ person: Person; tokens: Tokens; token: string }> => {
    const person = await register()
    const tokens = await signIn(person)
    return { person, tokens, token: tokens.access_token }
  }

  describe.each(['', '/'])('with "%s" at the end', (end) => {
    const post = (path: string, body?: unknown, token?: string) => client().post(path + end, body, token)
    const expectOk = (answer: Answer, body: unknown) => {
      expect([answer.status, answer.body]).toEqual([200, body])
      expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8')
      expectPrivate(answer)
    }
    const pair = {
      access_token: expect.stringMatching(/^[\w-]+(\.[\w-]+){2}$/) as string,
      refresh_token: expect.any(String) as string,
    }
    const expectDone = ({ status, body }: Answer) => expect([status, body]).toEqual([204, undefined])

    test('somebody signs up, signs in, stays signed in and signs out', async () => {
      const { username, email, password } = newPerson()
      const signedUp = await post('/users', { username, password, email })
      const { id } = signedUp.body as Person
      expectOk(signedUp, { id: expect.any(Number) as number, username, avatar_url: DRAWN_AVATAR })

      const first = await post('/sessions', { username, password })
      expectOk(first, pair)
      const { refresh_token } = first.body as Tokens
      const next = await post('/sessions/refresh', { refresh_token })
      expectOk(next, pair)
      const { access_token: token } = next.body as Tokens
      expectOk(await client().get(`/users/me${end}`, token), { id, username, avatar_url: DRAWN_AVATAR })

      expectDone(await post('/sessions/terminate', undefined, token))
      expectEnded(await client().get('/v1/users/me', token), 'signed_out')
    })

    test('somebody changes name, address and picture, and is found by the new name', async () => {
      const [ann, bob] = [await signedIn(), await signedIn()]
      const { username, email } = newPerson()
      const { id } = ann.person
      const body = { username, email }
      const changed = await client().patch(`/users/update${end}`, body, ann.token)
      expectOk(changed, { id, username, avatar_url: DRAWN_AVATAR })
      expect((await client().get('/v1/users/me', ann.token)).body).toMatchObject({ username, email })

      const pictures = { 'me.jpg': 'jpeg', 'me.jpeg': 'jpeg', 'me.png': 'png' } as const
      for (const [name, format] of Object.entries(pictures)) {
        const form = formWith(await picture(format, name.length), name)
        const answer = await client().request('PATCH', `/users/avatar${end}`, {
          body: form,
          token: ann.token,
        })
        expectOk(answer, {
          avatar_url: expect.stringMatching(/^http:\/\/localhost:8000\/media\/.*webp$/) as string,
        })
      }

      const { body: me } = await client().get('/users/me', ann.token)
      expect(me).toMatchObject({ avatar_url: expect.stringMatching(/webp$/) as string })
      const part = username.slice(2, -1).toUpperCase()
      const search = (token: string) => client().get(`/users/search${end}?username=${part}`, token)
      expectOk(await search(bob.token), [me])
      expectOk(await search(ann.token), [])
    })

    test('signing out everywhere ends every session', async () => {
      const { person, token } = await signedIn()
      const others = [await signIn(person), await signIn(person)]
      expectDone(await post('/sessions/terminate-all', undefined, token))
      expectEnded(await client().get('/v1/users/me', token), 'signed_out')
      for (const other of others) {
        expectEnded(await client().get('/v1/users/me', other.access_token), 'terminated')
        expectEnded(await client().refresh(other.refresh_token), 'terminated')
      }
    })

    test('signing out ends the session of the token alone', async () => {
      const { person, token } = await signedIn()
      const other = await signIn(person)
      expectDone(await post('/sessions/terminate', undefined, token))
      expectEnded(await client().get('/v1/users/me', token), 'signed_out')
      expect((await client().get('/users/me', other.access_token)).status).toBe(200)
    })

    test('the messaging service looks people up without a key', async () => {
      const [ann, bob] = [await register(), await register()]
      const { body: profile } = await client().get(`/v1/users/${ann.id}`, await tokenOf(bob))
      const body = { user_ids: [bob.id, 999_999_999, ann.id, bob.id] }
      const answer = await messaging().post(`/users/get-users-info${end}`, body)
      expectOk(answer, [{ id: bob.id, username: bob.username, avatar_url: DRAWN_AVATAR }, profile])
      expectOk(await messaging().post(`/users/get-users-info${end}`, { user_ids: [] }), [])
    })
  })

  const tokenOf = async (person: Person) => (await signIn(person)).access_token

  describe('parallel tabs', () => {
    test('that refresh one token at once all get the same successor', async () => {
      const { tokens } = await signedIn()
      const { refresh_token } = tokens
      const tabs = Array.from({ length: 20 }, () => client().post('/sessions/refresh', { refresh_token }))
      const answers = await Promise.all(tabs)
      expect(answers.map(({ status }) => status)).toEqual(Array<number>(20).fill(200))
      const pairs = answers.map(({ body }) => body as Tokens)
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
      'takes an empty body that is called %s',
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

    test('answers 50 people at most, the exact match among them', async () => {
      const { token } = await signedIn()
      const stem = newPerson().username.slice(0, 12)
      for (let at = 0; at < 51; at += 1) {
        const letters = [Math.floor(at / 8), at % 8].map((digit) => 'abcdefgh'[digit] ?? '').join('')
        await client().register({ username: `${stem}${letters}`, email: newPerson().email })
      }
      const { username } = await client().register({ username: stem })
      const { body } = await search(`username=${stem}`, token)
      expect(body).toHaveLength(50)
      expect((body as Person[])[0]?.username).toBe(username)
    })

    test.each(['', '%20', '%25', '_%25', '%00', '%F0%9F%8F%B3', 'x'.repeat(100)])(
      'for "%s" finds nobody',
      async (part) => {
        const { token } = await signedIn()
        expect(await search(`username=${part}`, token)).toMatchObject({ status: 200, body: [] })
      },
    )

    test('leaves disabled people out', async () => {
      const [ann, bob] = [await signedIn(), await register()]
      await service.operator().post(`/v1/users/${bob.id}/disable`, { reason: 'Spam' })
      expect((await search(`username=${bob.username}`, ann.token)).body).toEqual([])
    })
  })

  describe('another address', () => {
    const change = (body: object, token: string) => client().patch('/users/update', body, token)

    test('needs the password once the sign-in is five minutes old, and says so at the field', async () => {
      const { person, tokens } = await signedIn()
      const { username, email, password } = newPerson()
      service.clock.advance({ minutes: 5 })
      const refreshed = await client().post('/sessions/refresh', { refresh_token: tokens.refresh_token })
      const { access_token: token } = refreshed.body as Tokens
      const { body, status } = await change({ username, email }, token)
      const message = 'To change the e-mail address, sign out, sign in again and do it within five minutes.'
      expect([status, body]).toEqual([422, expect.objectContaining({ details: { email: message } })])
      const { body: me } = await client().get('/v1/users/me', token)
      expect(me).toMatchObject({ username: person.username, email: person.email })

      const wrong = await change({ username, email, current_password: password }, token)
      expect(wrong.body).toMatchObject({ details: { email: 'This is not your current password.' } })
      const right = await change({ username, email, current_password: person.password }, token)
      expect([right.status, right.body]).toMatchObject([200, { username }])
    })

    test('is not needed: with the present one the name is changed at any time', async () => {
      const { person, token } = await signedIn()
      service.clock.advance({ minutes: 9 })
      const { username } = newPerson()
      const answer = await change({ username, email: person.email }, token)
      expect([answer.status, answer.body]).toMatchObject([200, { username }])
    })

    test('cannot be tried without end to learn which are taken', async () => {
      const [{ token }, other] = [await signedIn(), await register()]
      service.clock.stop()
      const attempt = () => change({ email: other.email }, token)
      for (let at = 0; at < 5; at += 1) expect((await attempt()).body).toMatchObject({ code: 'email_taken' })
      expect((await attempt()).body).toMatchObject({ code: 'too_many_attempts' })
    })
  })

  describe('a refusal', () => {
    interface Given {
      readonly person: Person
      readonly other: Person
      readonly token: string
    }
    type Call = (given: Given) => Promise<Answer>
    interface Refused {
      readonly what: string
      readonly code: ProblemCode
      readonly older: Call
      readonly v1: Call
      /** What is shown where; `true` is the sentence of the problem itself. */
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
      const { username, email, password } = newPerson()
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
    const guesses: Call = async ({ person: { username } }) => {
      service.clock.stop()
      const guess = () => client().post('/sessions', { username, password: 'wrong' })
      for (let at = 0; at < 9; at += 1) await guess()
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
        signIns(() => ({ username: newPerson().username, password: 'wrong' })),
        both,
      ),
      refused(
        'a disabled person',
        'user_disabled',
        after(
          disabled,
          signIns(({ person: { username, password } }) => ({ username, password })),
        ),
        both,
      ),
      refused(
        'too many guesses',
        'too_many_attempts',
        after(
          guesses,
          signIns(({ person: { username, password } }) => ({ username, password })),
        ),
        both,
      ),
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
        both,
      ),
      refused(
        'too much',
        'payload_too_large',
        signIns(() => ({ username: 'x'.repeat(17_000) })),
        both,
      ),
      refused('a refresh token that is none', 'invalid_refresh_token', refreshes({ refresh_token: 'x' })),
      refused('a refresh token that is a number', 'validation_failed', refreshes({ refresh_token: 1 }), {
        refresh_token: /type string/,
      }),
      refused(
        'a name of 3 characters',
        'validation_failed',
        signUps(() => ({ username: 'ann' })),
        { username: /at least 4/ },
      ),
      refused(
        'a password of 7 characters',
        'validation_failed',
        signUps(() => ({ password: 'q7-Zr.k' })),
        { password: /at least 8/ },
      ),
      refused(
        'a common password',
        'validation_failed',
        signUps(() => ({ password: 'password123' })),
        { password: /./ },
      ),
      refused(
        'no address',
        'validation_failed',
        signUps(() => ({ email: 'nowhere' })),
        { email: /whole e-mail/ },
      ),
      refused(
        'all three',
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
        'a change to nonsense',
        'validation_failed',
        updates(() => ({ username: 'a b', email: 'x' })),
        { username: /the space/, email: /whole e-mail/ },
      ),
      refused(
        'a picture of 2 MiB and a byte',
        'picture_too_large',
        uploads(formWith(Buffer.alloc(2 ** 21 + 1), 'me.png')),
        { avatar: true },
      ),
      refused('a picture that is none', 'unsupported_picture', uploads(formWith('<svg/>', 'me.png')), {
        avatar: true,
      }),
      refused(
        'a picture that breaks off',
        'validation_failed',
        uploads(formWith(Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), 'me.png')),
        { avatar: /./ },
      ),
      refused('a picture in another field', 'validation_failed', uploads(new FormData()), {
        avatar: /"avatar"/,
      }),
      refused('a picture as JSON', 'unsupported_media_type', uploads('{}'), { avatar: true }),
      refused(
        'a search for nothing',
        'validation_failed',
        [
          ({ token }) => client().get('/users/search', token),
          ({ token }) => client().get('/v1/users', token),
        ],
        { username: /required/ },
      ),
    ]

    test.each(cases)(
      'of $what is as in /v1, and says where to show what',
      async ({ code, older, v1, details }) => {
        const given = async (): Promise<Given> => {
          const { person, token } = await signedIn()
          return { person, token, other: await register() }
        }
        const [answer, modern] = [await older(await given()), await v1(await given())]
        const { details: shown, ...rest } = answer.body as {
          details: Record<string, string>
          detail: string
          errors?: object
        }
        expectProblem(answer, code, { details: shown, ...(rest.errors && { errors: rest.errors }) })
        const { request_id } = modern.body as { request_id: string }
        expect([answer.status, { ...rest, request_id }]).toEqual([modern.status, modern.body])
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
    ])('of %s %s without a token, or with a wrong one, comes before anything else', async (method, path) => {
      for (const slashed of [path, path.replace(/(?=\?|$)/, '/')]) {
        const ask = async (token?: string) => {
          const answer = await client().request(method, slashed, { token })
          return [answer, { details: (answer.body as { details: object }).details }] as const
        }
        const [missing, details] = await ask()
        expectProblem(missing, 'authentication_required', details)
        const [wrong, otherDetails] = await ask('nonsense')
        expectProblem(wrong, 'invalid_access_token', otherDetails)
      }
    })

    test('of a spent refresh token ends the session, as in /v1', async () => {
      const { tokens } = await signedIn()
      const refresh = async (refresh_token: string) => client().post('/sessions/refresh', { refresh_token })
      const next = (await refresh(tokens.refresh_token)).body as Tokens
      const last = (await refresh(next.refresh_token)).body as Tokens
      expectProblem(await refresh(tokens.refresh_token), 'refresh_token_reused', { details: {} })
      const ended = await refresh(last.refresh_token)
      expectProblem(ended, 'session_ended', { reason: 'refresh_token_reused', details: {} })
    })
  })

  describe('an access token in the setting of the older services', () => {
    const secret = Buffer.from(KEY)

    test('is decoded with the shared key, without an audience, and names the user by number', async () => {
      const { person, tokens } = await signedIn()
      const refreshed = await client().post('/sessions/refresh/', { refresh_token: tokens.refresh_token })
      for (const { access_token: token } of [tokens, refreshed.body as Tokens]) {
        const { payload, protectedHeader } = await jwtVerify(token, secret, {
          algorithms: ['HS256'],
          requiredClaims: ['exp', 'iat', 'iss', 'sub', 'jti', 'sid'],
        })
        expect(protectedHeader.alg).toBe('HS256')
        expect(payload).toMatchObject({ user_id: person.id, sub: String(person.id) })
        // PyJWT and others refuse a token with an audience that they were not told.
        expect(payload).not.toHaveProperty('aud')
      }
    })

    test('is refused with another key or algorithm', async () => {
      const { token } = await signedIn()
      const another = Buffer.from(KEY.toUpperCase())
      await expect(jwtVerify(token, another, { algorithms: ['HS256'] })).rejects.toThrow()
      await expect(jwtVerify(token, secret, { algorithms: ['HS512'] })).rejects.toThrow()
    })

    test('is nothing a published key could tell of', async () => {
      expect((await client().get('/.well-known/jwks.json')).body).toEqual({ keys: [] })
    })
  })

  describe('with the default settings', () => {
    test('work as well; only the older services cannot read the tokens', async () => {
      const person = await plain.client().register()
      const tokens = await signIn(person, plain)
      const { body } = await plain.client().get('/users/me/', tokens.access_token)
      expect(body).toEqual({ id: person.id, username: person.username, avatar_url: DRAWN_AVATAR })
      await expect(jwtVerify(tokens.access_token, Buffer.from(KEY))).rejects.toThrow()
    })

    test('nobody is looked up without a service key', async () => {
      const { id, username } = await plain.client().register()
      for (const path of ['/users/get-users-info', '/users/get-users-info/']) {
        expectProblem(await messaging(plain).post(path, { user_ids: [id] }), 'invalid_service_key', {
          details: {},
        })
        expectProblem(await messaging(plain).post(path, '{'), 'invalid_service_key', { details: {} })
        const { body } = await plain.operator().post(path, { user_ids: [id] })
        expect(body).toEqual([{ id, username, avatar_url: DRAWN_AVATAR }])
      }
    })
  })

  test('an open look-up opens nothing else of the internal listener', async () => {
    const guest = messaging()
    for (const path of ['/v1/revocations', '/v1/users/1', '/v1/users/1/sessions']) {
      expectProblem(await guest.get(path), 'invalid_service_key')
    }
    expectProblem(await guest.post('/v1/users/lookup', { ids: [1] }), 'invalid_service_key')
    for (const path of ['/sessions', '/users', '/users/me', '/users/search']) {
      expectProblem(await guest.get(path), 'not_found')
    }
  })

  test('nobody is looked up on the public listener', async () => {
    const { token } = await signedIn()
    for (const path of ['/users/get-users-info', '/users/get-users-info/']) {
      expectProblem(await client().post(path, { user_ids: [1] }, token), 'not_found')
    }
  })

  test.each([
    ['nothing', {}],
    ['null', { user_ids: null }],
    ['one that is in no list', { user_ids: 1 }],
    ['text', { user_ids: ['1'] }],
    ['nought', { user_ids: [0] }],
    ['a half', { user_ids: [1.5] }],
    ['1,001', { user_ids: Array<number>(1001).fill(1) }],
    ['a list alone', [1]],
  ])('a look-up of %s is refused', async (_, body) => {
    const { status, body: problem } = await messaging().post('/users/get-users-info', body)
    const [message] = Object.values((problem as { details: object }).details) as string[]
    expect([status, problem]).toMatchObject([422, { code: 'validation_failed' }])
    expect(message).toMatch(/^[A-Z].*[.]$/)
  })

  test('a thousand of the longest ids are looked up at once', async () => {
    const user_ids = Array.from({ length: 1000 }, (_, at) => Number.MAX_SAFE_INTEGER - at)
    const body = JSON.stringify({ user_ids }, undefined, 2)
    expect(await messaging().post('/users/get-users-info', body)).toMatchObject({ status: 200, body: [] })
  })

  test.each([
    ['POST', '/sessions/'],
    ['PATCH', '/users/update'],
    ['GET', '/users/me'],
  ])('the frontend may call %s %s from its own origin alone', async (method, path) => {
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
