// Second factors over HTTP: the forms of responses, the tokens, and what operators and older routes see.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { addAuthenticator, Authenticator } from '../../../support/authenticator.ts'
import {
  expectPrivate,
  expectProblem,
  expectRefusedFields,
  TOKENS,
} from '../../../support/http-expectations.ts'
import { TestClient, type ApiResponse, type TestUser, type Tokens } from '../../../support/test-client.ts'
import { testServiceKeys, testVerifierKey } from '../../../support/service-keys.ts'
import { databaseNames, startTestService, type TestService } from '../../../support/test-service.ts'

const FACTORS = '/v1/users/me/factors'
const TOTP = `${FACTORS}/totp`
const COMPLETE = '/v1/sessions/challenges/complete'
const RECOVERY_CODE = expect.stringMatching(/^(?:[0-9A-Z]{4}-){5}[0-9A-Z]{4}$/) as string

describe.each(databaseNames)('second factors, on %s', (database) => {
  let service: TestService

  beforeAll(async () => {
    service = await startTestService(database, { BRAND_NAME: 'Our Chat', SERVICE_KEYS: testServiceKeys })
    service.clock.stop()
  })
  afterAll(() => service.stop())

  const now = () => service.clock.now()
  const claimsOf = ({ access_token: token }: Tokens) =>
    JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>
  const signIn = ({ username, password }: TestUser, path = '/v1/sessions') =>
    service.client().post(path, { username, password })
  async function enrolled(device: { device_id?: string } = {}) {
    const client = service.client()
    const person = await client.register()
    const factor = await addAuthenticator(client, await client.signIn(person, device), now)
    service.clock.advance({ seconds: 30 })
    return { client, person, ...factor, code: () => factor.authenticator.codeAt(now()) }
  }
  async function completed(person: TestUser, codes: object): Promise<ApiResponse> {
    const { challenge } = (await signIn(person)).body as { challenge: string }
    return service.client().post(COMPLETE, { challenge, ...codes })
  }

  test('a new secret comes with a URI and a picture, and is confirmed by a code', async () => {
    const client = service.client()
    const person = await client.register()
    const { access_token: token } = await client.signIn(person)
    const started = await client.post(TOTP, undefined, token)
    expectPrivate(started)
    const { secret, uri, qr } = started.body as Record<string, string>
    expect(started.status).toBe(201)
    expect(secret).toMatch(/^[A-Z2-7]{32}$/)
    expect(uri).toBe(
      `otpauth://totp/Our%20Chat:${person.username}?issuer=Our%20Chat&secret=${secret}&algorithm=SHA1&digits=6&period=30`,
    )
    expect(qr).toMatch(/^data:image\/svg\+xml;base64,[\w+/]+=*$/)
    expect((await client.get(FACTORS, token)).body).toEqual({ items: [], recovery_codes_left: 0 })

    const code = new Authenticator(secret ?? '').codeAt(now())
    const confirmed = await client.post(`${TOTP}/confirm`, { code }, token)
    expectPrivate(confirmed)
    expect([confirmed.status, confirmed.body]).toEqual([
      200,
      { ...TOKENS, other_sessions: 0, recovery_codes: Array<string>(10).fill(RECOVERY_CODE) },
    ])
    expectProblem(await client.get(FACTORS, token), 'invalid_access_token')
    const tokens = confirmed.body as Tokens
    expect(claimsOf(tokens)).toMatchObject({ amr: ['pwd', 'otp', 'mfa'], gen: 1 })
    expect((await client.get(FACTORS, tokens.access_token)).body).toEqual({
      items: [{ kind: 'totp', added_at: now().toISOString() }],
      recovery_codes_left: 10,
    })
  })

  test(
    'a sign-in gives a challenge, and a code gives tokens of the device',
    { tags: ['FACTOR-3'] },
    async () => {
      const { person, code } = await enrolled()
      const { username, password } = person
      const begun = await service
        .client()
        .post('/v1/sessions', { username, password, device_name: 'Her tablet' })
      expectPrivate(begun)
      expect([begun.status, begun.body]).toEqual([
        200,
        {
          challenge: expect.stringMatching(/^[0-9a-f]{8}(?:\.[\w-]+){3}$/) as string,
          factors: ['totp', 'recovery_code'],
          expires_in: 300,
        },
      ])
      const { challenge } = begun.body as { challenge: string }
      const done = await service.client().post(COMPLETE, { challenge, code: code() })
      expectPrivate(done)
      expect([done.status, done.body]).toMatchObject([201, { session: { device_name: 'Her tablet' } }])
      const tokens = done.body as Tokens
      const proven = { amr: ['pwd', 'otp', 'mfa'], auth_time: Math.floor(+now() / 1000) }
      expect(claimsOf(tokens)).toMatchObject(proven)
      service.clock.advance({ minutes: 5 })
      const { body: next } = await service.client().refresh(tokens.refresh_token)
      expect(claimsOf(next as Tokens)).toMatchObject({ ...proven, gen: 1 })
      const introspected = await service
        .operator()
        .post('/v1/introspect', { token: (next as Tokens).access_token })
      expect(introspected.body).toMatchObject({ active: true, ...proven })
    },
  )

  test('challenges and codes are in no log line', { tags: ['TOKEN-11'] }, async () => {
    const { person, code, recoveryCodes } = await enrolled()
    const { challenge } = (await signIn(person)).body as { challenge: string }
    const used = code()
    await service.client().post(COMPLETE, { challenge, code: used })
    const logs = JSON.stringify(service.logs)
    for (const secret of [challenge, `"${used}"`, recoveryCodes[0] ?? '']) expect(logs).not.toContain(secret)
  })

  test(
    'a wrong code has its code and status, and is noted for the account',
    { tags: ['AUDIT-3'] },
    async () => {
      const { client, person, tokens } = await enrolled()
      expectProblem(await completed(person, { code: '000000' }), 'invalid_code')
      const wrong = await client.post(
        '/v1/sessions/current/reauthenticate',
        { code: '000000' },
        tokens.access_token,
      )
      expectRefusedFields(wrong, { code: 'incorrect' })
      await service.service.refusals.flush()
      const { body } = await service.operator().get(`/v1/audit?user_id=${person.id}`)
      const refusals = (body as { items: { action: string; result: string }[] }).items
        .filter(({ action }) => action.endsWith('.refused'))
        .map(({ action, result }) => [action, result])
      expect(refusals.toSorted()).toEqual([
        ['factor_check.refused', 'validation_failed'],
        ['sign_in.refused', 'invalid_code'],
      ])
    },
  )

  test('a call that needs the factor says so, and a code is enough', { tags: ['FACTOR-7'] }, async () => {
    const { client, person, tokens, code } = await enrolled()
    const path = '/v1/sessions/current/reauthenticate'
    const { body } = await client.post(path, { current_password: person.password }, tokens.access_token)
    const { access_token: withPassword } = body as Tokens
    expect(claimsOf(body as Tokens)).toMatchObject({ amr: ['pwd'] })
    const change = { current_password: person.password, new_password: 'plum-kettle-orbit-93' }
    const refused = await client.put('/v1/users/me/password', change, withPassword)
    expectProblem(refused, 'reauthentication_required', {
      detail: expect.stringContaining('second factor') as string,
      factors: ['totp', 'recovery_code'],
    })
    const again = (await client.post(path, { code: code() }, withPassword)).body as Tokens
    expect(claimsOf(again)).toMatchObject({ amr: ['otp'] })
    const changed = await client.put('/v1/users/me/password', change, again.access_token)
    expect(claimsOf(changed.body as Tokens)).toMatchObject({ amr: ['pwd', 'otp', 'mfa'] })
  })

  test('new recovery codes and a removed authenticator give new tokens', { tags: ['FACTOR-6'] }, async () => {
    const { client, person, tokens } = await enrolled()
    const { access_token: first } = tokens
    const renewed = await client.post('/v1/users/me/recovery-codes', undefined, first)
    expect(renewed).toMatchObject({
      status: 201,
      body: { other_sessions: 0, recovery_codes: { length: 10 } },
    })
    const { access_token: second } = renewed.body as Tokens
    expectProblem(await client.delete(TOTP, first), 'invalid_access_token')
    const removed = await client.delete(TOTP, second)
    expect(removed.status).toBe(200)
    expect(removed.body).not.toHaveProperty('recovery_codes')
    expect((await signIn(person)).status).toBe(201)
  })

  test('an older route refuses in its own form, and issues nothing', { tags: ['FACTOR-3'] }, async () => {
    const { person } = await enrolled()
    const text = expect.stringContaining('second factor') as string
    expectProblem(await signIn(person, '/sessions'), 'second_factor_required', {
      details: { username: text, password: text },
    })
  })

  describe('operators', { tags: ['FACTOR-8'] }, () => {
    const removal = (person: TestUser) => `/v1/users/${person.id}/factors`

    test('an operator sees the factors of a user and removes them, with a row in the audit log', async () => {
      const { person } = await enrolled()
      const inspected = await service.operator().get(`/v1/users/${person.id}`)
      expect(inspected.body).toMatchObject({ factors: ['totp'] })
      expect((await service.operator().delete(removal(person))).status).toBe(204)
      expect((await signIn(person)).status).toBe(201)
      const { body } = await service
        .operator()
        .get(`/v1/audit?user_id=${person.id}&action=user.factor_removed`)
      expect(body).toMatchObject({ items: [{ actor: 'service:tests', data: { factor: 'totp' } }] })
    })

    test('a service key without the scope removes nothing', async () => {
      const { person } = await enrolled()
      const verifier = new TestClient(service.internalUrl, undefined, { token: testVerifierKey })
      expect((await verifier.delete(removal(person))).status).toBe(403)
      expect((await signIn(person)).status).toBe(200)
    })

    test('a moderator removes those of users, with a code of their own, and not their own', async () => {
      const { person } = await enrolled()
      const moderator = await enrolled()
      await service.operator().put(`/v1/users/${moderator.person.id}/roles`, { roles: ['moderator'] })
      const { body } = await moderator.client.refresh(moderator.tokens.refresh_token)
      const path = '/v1/sessions/current/reauthenticate'
      const proofs = { current_password: moderator.person.password }
      const weak = (await moderator.client.post(path, proofs, (body as Tokens).access_token)).body as Tokens
      const target = `/v1/admin/users/${person.id}/factors`
      const refused = await moderator.client.delete(target, weak.access_token)
      expect(refused).toMatchObject({ status: 401, body: { code: 'reauthentication_required' } })
      const strong = (await moderator.client.post(path, { code: moderator.code() }, weak.access_token))
        .body as Tokens
      const own = `/v1/admin/users/${moderator.person.id}/factors`
      expectProblem(await moderator.client.delete(own, strong.access_token), 'insufficient_role')
      expect((await moderator.client.delete(target, strong.access_token)).status).toBe(204)
      expect((await signIn(person)).status).toBe(201)
    })
  })

  test('another user has neither the factors nor the codes of this one', async () => {
    const { code } = await enrolled()
    const other = await enrolled()
    expectProblem(await completed(other.person, { code: code() }), 'invalid_code')
  })
})
