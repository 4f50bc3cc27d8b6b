import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newUser, type ApiResponse, type TestUser, type Tokens } from '../../../support/test-client.ts'
import { databaseNames, startTestService, type TestService } from '../../../support/test-service.ts'
import {
  expectEnded,
  expectPrivate,
  expectProblem,
  expectRefusedFields,
  TOKENS,
} from '../../../support/http-expectations.ts'

const FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'

describe.each(databaseNames)('signing in, on %s', (database) => {
  let service: TestService

  beforeAll(async () => {
    service = await startTestService(database, { MAX_SESSIONS_PER_USER: '3' })
  })
  afterAll(() => service.stop())

  const signIn = (body: Record<string, unknown>, headers: Record<string, string> = {}, address?: string) =>
    service.client(address).request('POST', '/v1/sessions', { body, headers })
  const endedAs = async ({ refresh_token: token }: Tokens, reason: string) =>
    expectEnded(await service.client().refresh(token), reason)
  const isLive = async ({ access_token: token }: Tokens) =>
    (await service.client().get('/v1/users/me', token)).status === 200

  test('a sign-in returns exactly the tokens and the session', async () => {
    const { username, password } = await service.client().register()
    const response = await signIn({ username, password }, { 'user-agent': FIREFOX }, '203.0.113.7')
    expect(response.status).toBe(201)
    expect(response.body).toEqual({
      ...TOKENS,
      refresh_expires_in: 30 * 24 * 3600,
      session: {
        ...TOKENS.session,
        device_name: 'Firefox on Linux',
        user_agent: FIREFOX,
        ip: '203.0.113.7',
        last_user_agent: FIREFOX,
        last_ip: '203.0.113.7',
      },
    })
    expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8')
    expectPrivate(response)
  })

  test('the access token of a sign-in names the user, the session and its expiry', async () => {
    const person = await service.client().register()
    const { access_token: token, session } = await service.client().signIn(person)
    const parts = token.split('.').slice(0, 2)
    const [header, claims] = parts.map((part) => {
      return JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, unknown>
    })
    expect(header).toEqual({ alg: 'EdDSA', typ: 'at+jwt', kid: expect.any(String) as string })
    const issuedAt = claims?.['iat'] as number
    expect(claims).toEqual({
      iss: 'http://localhost:8000',
      aud: 'chat',
      sub: String(person.id),
      user_id: person.id,
      sid: session.id,
      gen: 0,
      jti: expect.any(String) as string,
      iat: issuedAt,
      exp: issuedAt + 600,
      auth_time: issuedAt,
      amr: ['pwd'],
      roles: [],
      rcp: expect.stringMatching(/^[\w-]{16}$/) as string,
    })
  })

  test('a user signs in with the name or the e-mail address, in any case', async () => {
    const { username, email, password } = await service.client().register()
    for (const name of [username, username.toUpperCase(), email, email.toUpperCase()]) {
      expect((await signIn({ username: name, password })).status).toBe(201)
    }
  })

  test('an unknown name and a wrong password get the same response', { tags: ['SIGN-IN-11'] }, async () => {
    const { username, email } = await service.client().register()
    const unknownNames = [newUser().username, newUser().email, 'x', '', 'nul\u0000', '@', '\ud800']
    const responses: ApiResponse[] = []
    for (const name of [username, email, ...unknownNames]) {
      responses.push(await signIn({ username: name, password: 'not the password' }))
    }
    for (const response of responses) expectProblem(response, 'invalid_credentials')
    const [first, ...others] = responses.map(comparable)
    for (const other of others) expect(other).toEqual(first)
  })

  /** The visible parts of a response that do not differ on every request. */
  const comparable = ({ status, headers, body }: ApiResponse) => ({
    status,
    body: { ...(body as object), request_id: '' },
    headers: [...headers].filter(([name]) => !['date', 'x-request-id'].includes(name)),
  })

  test(
    'a password is compared exactly: not cut, trimmed or changed in case',
    { tags: ['SIGN-IN-5'] },
    async () => {
      const { username, password } = await service.client().register()
      for (const wrong of [
        `${password} `,
        ` ${password}`,
        password.toUpperCase(),
        password.slice(0, -1),
        `${password}\u0000`,
        '',
      ]) {
        expectProblem(await signIn({ username, password: wrong }), 'invalid_credentials')
      }
    },
  )

  test(
    'a sign-in reveals that a user is disabled only with the right password',
    { tags: ['SIGN-IN-18'] },
    async () => {
      const { id, username, password } = await service.client().register()
      await service.operator().post(`/v1/users/${id}/disable`, { reason: 'Spam' })
      expectProblem(await signIn({ username, password }), 'user_disabled')
      const wrong = await signIn({ username, password: 'not the password' })
      const unknown = await signIn({ username: newUser().username, password })
      expectProblem(wrong, 'invalid_credentials')
      expect(comparable(wrong)).toEqual(comparable(unknown))
    },
  )

  test('a user with an unverified e-mail address may sign in', async () => {
    const tokens = await service.client().signIn(await service.client().register())
    expect((await service.client().get('/v1/users/me', tokens.access_token)).body).toMatchObject({
      email_verified: false,
    })
  })

  describe('devices', () => {
    test(
      'two sign-ins from one browser without a device id create two sessions',
      { tags: ['ACCOUNT-5'] },
      async () => {
        const { username, password } = await service.client().register()
        const browser = () => signIn({ username, password }, { 'user-agent': FIREFOX }, '203.0.113.9')
        const [first, second] = [(await browser()).body as Tokens, (await browser()).body as Tokens]
        expect(first.session.id).not.toBe(second.session.id)
        expect([await isLive(first), await isLive(second)]).toEqual([true, true])
      },
    )

    test('a sign-in replaces only the session with the same device id', async () => {
      const person = await service.client().register()
      const phone = await service.client().signIn(person, { device_id: 'phone' })
      const laptop = await service.client().signIn(person, { device_id: 'laptop' })
      const again = await service.client().signIn(person, { device_id: 'phone' })
      await endedAs(phone, 'replaced')
      expectEnded(await service.client().get('/v1/users/me', phone.access_token), 'replaced')
      expect([await isLive(laptop), await isLive(again)]).toEqual([true, true])
    })

    test('the same device id of another user is another device', async () => {
      const [ann, bob] = [await service.client().register(), await service.client().register()]
      const first = await service.client().signIn(ann, { device_id: 'shared' })
      await service.client().signIn(bob, { device_id: 'shared' })
      expect(await isLive(first)).toBe(true)
    })

    test('device ids are compared exactly, including case', async () => {
      const person = await service.client().register()
      const first = await service.client().signIn(person, { device_id: 'phone' })
      await service.client().signIn(person, { device_id: 'Phone' })
      expect(await isLive(first)).toBe(true)
    })

    test('a sign-in over the maximum ends the session unused for longest', async () => {
      const person = await service.client().register()
      const sessions: Tokens[] = []
      for (const device_id of ['a', 'b', 'c']) {
        sessions.push(await service.client().signIn(person, { device_id }))
        service.clock.advance({ minutes: 1 })
      }
      const [first, second, third] = sessions as [Tokens, Tokens, Tokens]
      // The oldest session is in use, so the second has been unused for longest.
      await service.client().get('/v1/users/me', first.access_token)
      await service.service.receipts.flush()
      const used = await service.client().refresh(first.refresh_token)
      expect(used.status).toBe(200)
      await service.client().signIn(person, { device_id: 'd' })
      await endedAs(second, 'displaced')
      expect([await isLive(first), await isLive(third)]).toEqual([true, true])
    })

    test('a sign-in that replaces a session displaces no other session', async () => {
      const person = await service.client().register()
      const first = await service.client().signIn(person, { device_id: 'a' })
      await service.client().signIn(person, { device_id: 'b' })
      await service.client().signIn(person, { device_id: 'c' })
      await service.client().signIn(person, { device_id: 'c' })
      expect(await isLive(first)).toBe(true)
    })

    test('parallel sign-ins leave no more sessions than the maximum', async () => {
      const person = await service.client().register()
      const devices = Array.from({ length: 8 }, (_, at) => ({ device_id: `device-${at}` }))
      const all = await Promise.all(devices.map((device) => service.client().signIn(person, device)))
      const live = await Promise.all(all.map(isLive))
      expect(live.filter(Boolean)).toHaveLength(3)
    })

    const nameShown = async (person: TestUser, body: object, headers: Record<string, string> = {}) => {
      const { username, password } = person
      const response = await signIn({ username, password, ...body }, headers)
      return (response.body as { session: { device_name: string } }).session.device_name
    }

    test('a device name is shown as given, including emoji', async () => {
      const person = await service.client().register()
      expect(await nameShown(person, { device_name: " Ann's 📱 手机 " })).toBe("Ann's 📱 手机")
      expect(await nameShown(person, { device_name: '👩‍👩‍👧'.slice(0, 2) })).toBe('👩')
      expect(await nameShown(person, { device_name: '🙂'.repeat(100) })).toBe('🙂'.repeat(100))
    })

    test.each([
      ['curl/8.5.0', 'curl'],
      ['', 'Unknown device'],
      ['/', 'Unknown device'],
      ['   ', 'Unknown device'],
      [
        'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1',
        'Safari on iOS',
      ],
    ])('the user agent %j gives the device name %j', async (agent, name) => {
      expect(await nameShown(await service.client().register(), {}, { 'user-agent': agent })).toBe(name)
    })

    test.each([
      ['very long', `${'y'.repeat(5000)}/1 z`],
      ['control characters of terminals', '\u0085\u009b31m\u00ad/1.0 z'],
      ['bytes outside ASCII', 'Br\u00f6wser\u00ff/1.0'],
      ['a tab', 'a\tb/1'],
      ['markup', '<script>alert(1)</script>/1 "'],
    ])('an unusual user agent (%s) is stored short and printable', async (_, agent) => {
      const { username, password } = await service.client().register()
      const { status, body } = await signIn({ username, password }, { 'user-agent': agent })
      expect(status).toBe(201)
      const { device_name, user_agent } = (body as { session: { device_name: string; user_agent: string } })
        .session
      expect(device_name).toMatch(/^[^\p{C}]{1,100}$/u)
      expect(user_agent).toMatch(/^[^\p{C}]{1,512}$/u)
    })

    test.each([
      [{ device_id: '' }, { device_id: 'invalid_format' }],
      [{ device_id: 'with space' }, { device_id: 'invalid_format' }],
      [{ device_id: 'x'.repeat(129) }, { device_id: 'invalid_format' }],
      [{ device_id: 'nul\u0000' }, { device_id: 'invalid_format' }],
      [{ device_id: null }, { device_id: 'invalid_type' }],
      [{ device_name: '' }, { device_name: 'too_short' }],
      [{ device_name: ' \t ' }, { device_name: 'too_short' }],
      [{ device_name: '🙂'.repeat(101) }, { device_name: 'too_long' }],
      [{ device_name: 'x'.repeat(600) }, { device_name: 'too_long' }],
      [{ device_name: 'nul\u0000' }, { device_name: 'invalid_characters' }],
      [{ device_name: 'half \ud83d' }, { device_name: 'invalid_characters' }],
      [{ device_name: 'right \u202e left' }, { device_name: 'invalid_characters' }],
      [{ device_id: '', device_name: 7 }, { device_name: 'invalid_type' }],
    ])('a sign-in with the invalid device %j is refused', async (device, fields) => {
      const { username, password } = newUser()
      expectRefusedFields(await signIn({ username, password, ...device }), fields)
    })
  })
})
