import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newPerson, type Answer, type Person, type Tokens } from '../support/test-client.ts'
import { databaseNames, startTestService, type TestService } from '../support/test-service.ts'
import { expectEnded, expectPrivate, expectProblem, expectRefusedFields, TOKENS } from './expectations.ts'

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

  test('answers 201 with exactly the tokens and the session', async () => {
    const { username, password } = await service.client().register()
    const answer = await signIn({ username, password }, { 'user-agent': FIREFOX }, '203.0.113.7')
    expect(answer.status).toBe(201)
    expect(answer.body).toEqual({
      ...TOKENS,
      refresh_expires_in: 30 * 24 * 3600,
      session: { ...TOKENS.session, device_name: 'Firefox on Linux', user_agent: FIREFOX, ip: '203.0.113.7' },
    })
    expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8')
    expectPrivate(answer)
  })

  test('the access token says who, on which session, and for how long', async () => {
    const person = await service.client().register()
    const { access_token: token, session } = await service.client().signIn(person)
    const parts = token.split('.').slice(0, 2)
    const [header, claims] = parts.map((part) => {
      return JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, unknown>
    })
    expect(header).toEqual({ alg: 'EdDSA', typ: 'at+jwt', kid: expect.any(String) as string })
    const issuedAt = claims?.['iat'] as number
    expect(claims).toEqual({
      ...{
        iss: 'http://localhost:8000',
        aud: 'chat',
        sub: String(person.id),
        user_id: person.id,
        sid: session.id,
      },
      ...{
        gen: 0,
        jti: expect.any(String) as string,
        iat: issuedAt,
        exp: issuedAt + 600,
        auth_time: issuedAt,
      },
      ...{ amr: ['pwd'], roles: [] },
    })
  })

  test('the name may be typed in any case, or be the e-mail address in any case', async () => {
    const { username, email, password } = await service.client().register()
    for (const name of [username, username.toUpperCase(), email, email.toUpperCase()]) {
      expect((await signIn({ username: name, password })).status).toBe(201)
    }
  })

  test('an unknown name and a wrong password are answered alike', async () => {
    const { username, email } = await service.client().register()
    const strangers = [newPerson().username, newPerson().email, 'x', '', 'nul\u0000', '@', '\ud800']
    const answers: Answer[] = []
    for (const name of [username, email, ...strangers]) {
      answers.push(await signIn({ username: name, password: 'not the password' }))
    }
    for (const answer of answers) expectProblem(answer, 'invalid_credentials')
    const [first, ...others] = answers.map(comparable)
    for (const other of others) expect(other).toEqual(first)
  })

  /** All there is to see of an answer but what is another one each time. */
  const comparable = ({ status, headers, body }: Answer) => ({
    status,
    body: { ...(body as object), request_id: '' },
    headers: [...headers].filter(([name]) => !['date', 'x-request-id'].includes(name)),
  })

  test('a password is not cut, trimmed, changed in case or taken for its prefix', async () => {
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
  })

  test('a disabled person is told so with the right password only', async () => {
    const { id, username, password } = await service.client().register()
    await service.operator().post(`/v1/users/${id}/disable`, { reason: 'Spam' })
    expectProblem(await signIn({ username, password }), 'user_disabled')
    const wrong = await signIn({ username, password: 'not the password' })
    const unknown = await signIn({ username: newPerson().username, password })
    expectProblem(wrong, 'invalid_credentials')
    expect(comparable(wrong)).toEqual(comparable(unknown))
  })

  test('somebody whose address is not verified may sign in', async () => {
    const tokens = await service.client().signIn(await service.client().register())
    expect((await service.client().get('/v1/users/me', tokens.access_token)).body).toMatchObject({
      email_verified: false,
    })
  })

  describe('devices', () => {
    test('without a device id two sign-ins from one browser are two sessions', async () => {
      const { username, password } = await service.client().register()
      const browser = () => signIn({ username, password }, { 'user-agent': FIREFOX }, '203.0.113.9')
      const [first, second] = [(await browser()).body as Tokens, (await browser()).body as Tokens]
      expect(first.session.id).not.toBe(second.session.id)
      expect([await isLive(first), await isLive(second)]).toEqual([true, true])
    })

    test('a sign-in replaces the session of the same device id, and no other', async () => {
      const person = await service.client().register()
      const phone = await service.client().signIn(person, { device_id: 'phone' })
      const laptop = await service.client().signIn(person, { device_id: 'laptop' })
      const again = await service.client().signIn(person, { device_id: 'phone' })
      await endedAs(phone, 'replaced')
      expectEnded(await service.client().get('/v1/users/me', phone.access_token), 'replaced')
      expect([await isLive(laptop), await isLive(again)]).toEqual([true, true])
    })

    test("the same device id of somebody else's is another device", async () => {
      const [ann, bob] = [await service.client().register(), await service.client().register()]
      const first = await service.client().signIn(ann, { device_id: 'shared' })
      await service.client().signIn(bob, { device_id: 'shared' })
      expect(await isLive(first)).toBe(true)
    })

    test('device ids are compared as they are, case and all', async () => {
      const person = await service.client().register()
      const first = await service.client().signIn(person, { device_id: 'phone' })
      await service.client().signIn(person, { device_id: 'Phone' })
      expect(await isLive(first)).toBe(true)
    })

    test('past the maximum the longest unused session makes room', async () => {
      const person = await service.client().register()
      const sessions: Tokens[] = []
      for (const device_id of ['a', 'b', 'c']) {
        sessions.push(await service.client().signIn(person, { device_id }))
        service.clock.advance({ minutes: 1 })
      }
      const [first, second, third] = sessions as [Tokens, Tokens, Tokens]
      // The oldest is in use, so the second has rested longest.
      await service.client().get('/v1/users/me', first.access_token)
      await service.service.receipts.flush()
      const used = await service.client().refresh(first.refresh_token)
      expect(used.status).toBe(200)
      await service.client().signIn(person, { device_id: 'd' })
      await endedAs(second, 'displaced')
      expect([await isLive(first), await isLive(third)]).toEqual([true, true])
    })

    test('a replaced session makes the room itself: nobody else is displaced', async () => {
      const person = await service.client().register()
      const first = await service.client().signIn(person, { device_id: 'a' })
      await service.client().signIn(person, { device_id: 'b' })
      await service.client().signIn(person, { device_id: 'c' })
      await service.client().signIn(person, { device_id: 'c' })
      expect(await isLive(first)).toBe(true)
    })

    test('many sign-ins at once leave no more sessions than the maximum', async () => {
      const person = await service.client().register()
      const devices = Array.from({ length: 8 }, (_, at) => ({ device_id: `device-${at}` }))
      const all = await Promise.all(devices.map((device) => service.client().signIn(person, device)))
      const live = await Promise.all(all.map(isLive))
      expect(live.filter(Boolean)).toHaveLength(3)
    })

    const nameShown = async (person: Person, body: object, headers: Record<string, string> = {}) => {
      const { username, password } = person
      const answer = await signIn({ username, password, ...body }, headers)
      return (answer.body as { session: { device_name: string } }).session.device_name
    }

    test('a device name is shown as given, emoji and all', async () => {
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
    ])('the user agent %j gives the name %j', async (agent, name) => {
      expect(await nameShown(await service.client().register(), {}, { 'user-agent': agent })).toBe(name)
    })

    test.each([
      ['very long', `${'y'.repeat(5000)}/1 z`],
      ['control characters of terminals', '\u0085\u009b31m\u00ad/1.0 z'],
      ['bytes that are no ASCII', 'Br\u00f6wser\u00ff/1.0'],
      ['a tab', 'a\tb/1'],
      ['markup', '<script>alert(1)</script>/1 "'],
    ])('a user agent that is odd (%s) is kept short and visible', async (_, agent) => {
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
    ])('%j is refused', async (device, fields) => {
      const { username, password } = newPerson()
      expectRefusedFields(await signIn({ username, password, ...device }), fields)
    })
  })
})
