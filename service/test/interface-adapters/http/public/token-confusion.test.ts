// Sends each kind of secret to every place that expects another kind (ASVS 9.2.2).
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { addAuthenticator, type Enrolled } from '../../../support/authenticator.ts'
import { TestClient, type ApiResponse, type TestUser, type Tokens } from '../../../support/test-client.ts'
import { databaseNames, startTestService, type TestService } from '../../../support/test-service.ts'
import { expectProblem } from '../../../support/http-expectations.ts'

const KINDS = [
  'access token',
  'refresh token',
  'ticket',
  'challenge',
  'service key',
  'session id',
  'password',
] as const
type Kind = (typeof KINDS)[number]

describe.each(databaseNames)('kinds of secrets, on %s', (database) => {
  let service: TestService
  let person: TestUser
  /** A user with a second factor. */
  let careful: TestUser
  let factor: Enrolled
  let secrets: Record<Kind, string>

  beforeAll(async () => {
    service = await startTestService(database)
    person = await service.client().register({ password: 'correct-horse-battery-staple-42' })
    careful = await service.client().register()
    const tokens = await service.client().signIn(careful)
    factor = await addAuthenticator(service.client(), tokens, () => service.clock.now())
    // The code that confirmed it is used.
    service.clock.advance({ seconds: 30 })
  })
  afterAll(() => service.stop())
  beforeEach(async () => {
    const tokens = (await service.client().signIn(person)) satisfies Tokens
    const { body } = await service.client().post('/v1/tickets', undefined, tokens.access_token)
    secrets = {
      'access token': tokens.access_token,
      'refresh token': tokens.refresh_token,
      ticket: (body as { ticket: string }).ticket,
      challenge: await challengeOf(careful),
      'service key': service.serviceKey,
      'session id': tokens.session.id,
      password: person.password,
    }
  })

  async function challengeOf({ username, password }: TestUser): Promise<string> {
    const { body } = await service.client().post('/v1/sessions', { username, password })
    return (body as { challenge: string }).challenge
  }

  interface Place {
    readonly place: string
    readonly own: readonly Kind[]
    readonly present: (secret: string) => Promise<ApiResponse>
    readonly expectRefused: (response: ApiResponse) => void
    readonly accepted: Partial<ApiResponse>
    readonly endsSession?: boolean
  }
  /** Problems of the platform routes have an additional field. */
  const moreAt = (path: string) => (path.startsWith('/v1/') ? {} : { details: expect.any(Object) as object })
  const bearing = (method: 'GET' | 'POST' | 'PATCH' | 'DELETE', path: string, status = 200): Place => ({
    place: `${method} ${path}`,
    own: ['access token'],
    present: (token) =>
      service.client().request(method, path, { token, ...(method === 'PATCH' && { body: {} }) }),
    expectRefused: (response) => expectProblem(response, 'invalid_access_token', moreAt(path)),
    accepted: { status },
    endsSession: status === 204,
  })
  const keyed = (method: 'GET' | 'POST', path: string, status = 200, body?: object): Place => ({
    place: `the service key of ${method} ${path}`,
    own: ['service key'],
    present: (token) =>
      new TestClient(service.internalUrl).request(method, path, { token, ...(body && { body }) }),
    expectRefused: (response) => expectProblem(response, 'invalid_service_key', moreAt(path)),
    accepted: { status },
  })
  const places: Place[] = [
    bearing('GET', '/v1/users/me'),
    bearing('PATCH', '/v1/users/me'),
    bearing('GET', '/v1/sessions'),
    bearing('POST', '/v1/tickets', 201),
    bearing('DELETE', '/v1/sessions/current', 204),
    bearing('GET', '/users/me'),
    bearing('PATCH', '/users/update'),
    bearing('POST', '/sessions/terminate', 204),
    {
      place: 'a refresh',
      own: ['refresh token'],
      present: (secret) => service.client().refresh(secret),
      expectRefused: (response) => expectProblem(response, 'invalid_refresh_token'),
      accepted: { status: 200 },
    },
    {
      place: 'the redemption of a ticket',
      own: ['ticket'],
      present: (ticket) => service.operator().post('/v1/tickets/redeem', { ticket }),
      expectRefused: (response) => expectProblem(response, 'ticket_gone'),
      accepted: { status: 200 },
    },
    {
      place: 'the completion of a sign-in',
      own: ['challenge'],
      present: (challenge) => {
        const code = factor.authenticator.codeAt(service.clock.now())
        return service.client().post('/v1/sessions/challenges/complete', { challenge, code })
      },
      expectRefused: (response) => expectProblem(response, 'challenge_gone'),
      accepted: { status: 201 },
    },
    {
      place: 'an introspection',
      own: ['access token', 'refresh token'],
      present: (token) => service.operator().post('/v1/introspect', { token }),
      expectRefused: ({ status, body }) => expect([status, body]).toEqual([200, { active: false }]),
      accepted: { status: 200, body: { active: true } },
    },
    {
      place: 'the password of a sign-in',
      own: ['password'],
      present: (password) => service.client().post('/v1/sessions', { username: person.username, password }),
      expectRefused: (response) => expectProblem(response, 'invalid_credentials'),
      accepted: { status: 201 },
    },
    keyed('GET', '/v1/users/1/sessions'),
    keyed('POST', '/v1/introspect', 200, { token: 'x' }),
    keyed('POST', '/v1/receipts', 204, { items: [] }),
    keyed('POST', '/users/get-users-info', 200, { user_ids: [] }),
  ]

  test.each(places)(
    '$place accepts only its own kind of secret, and the others stay usable',
    { tags: ['TOKEN-7'] },
    async (tried) => {
      const { own, present, expectRefused, accepted } = tried
      for (const kind of KINDS.filter((each) => !own.includes(each)))
        expectRefused(await present(secrets[kind]))
      for (const kind of own) expect(await present(secrets[kind])).toMatchObject(accepted)
      if (tried.endsSession) return
      if (!own.includes('ticket')) {
        const redeemed = await service.operator().post('/v1/tickets/redeem', { ticket: secrets.ticket })
        expect(redeemed.status).toBe(200)
      }
      expect((await service.client().get('/v1/users/me', secrets['access token'])).status).toBe(200)
      expect((await service.client().refresh(secrets['refresh token'])).status).toBe(200)
    },
  )
})
