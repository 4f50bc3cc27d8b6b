import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import pino from 'pino'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { listSigningKeys } from '../../../src/application/signing-keys/list-signing-keys.ts'
import { replaceSigningKey } from '../../../src/application/signing-keys/replace-signing-key.ts'
import { createHttpServer } from '../../../src/infrastructure/http/http-server.ts'
import { requireServiceKeys } from '../../../src/infrastructure/http/require-service-key.ts'
import { signingKeyRoutes } from '../../../src/interface-adapters/http/internal/signing-key-routes.ts'
import { problemTypes, type ProblemCode } from '../../../src/interface-adapters/http/problem-types.ts'
import { addAuthenticator } from '../../support/authenticator.ts'
import { exchange, request } from '../../support/raw-exchange.ts'
import {
  newUser,
  TestClient,
  type ApiResponse,
  type TestUser,
  type Tokens,
} from '../../support/test-client.ts'
import { serviceKeySetting } from '../../support/service-keys.ts'
import { cheapPasswordChecks } from '../../support/password-checks.ts'
import { databaseNames, startTestService, withoutMail, type TestService } from '../../support/test-service.ts'
import { expectProblem } from '../../support/http-expectations.ts'

interface Given {
  readonly service: TestService
  readonly client: TestClient
  readonly person: TestUser
  readonly tokens: Tokens
}

type Provocation = (given: Given) => Promise<ApiResponse>

const signUp = (client: TestClient, wanted: Partial<TestUser>) => {
  const { username, email, password } = newUser(wanted)
  return client.post('/v1/users', { username, email, password })
}
const signIn = (client: TestClient, { username, password }: TestUser) =>
  client.post('/v1/sessions', { username, password })

const upload = (client: TestClient, { access_token: token }: Tokens, content: Uint8Array<ArrayBuffer>) => {
  const form = new FormData()
  form.set('avatar', new File([content], 'me.png'))
  return client.putForm('/v1/users/me/avatar', form, token)
}

/** How to provoke each error. A new code does not compile until it has an entry. */
const provocations: Record<ProblemCode, Provocation> = {
  malformed_request: ({ client }) => client.post('/v1/sessions', '{"username":'),
  authentication_required: ({ client }) => client.get('/v1/users/me'),
  invalid_access_token: ({ client }) => client.get('/v1/users/me', 'nonsense'),
  invalid_credentials: ({ client, person }) => signIn(client, { ...person, password: 'wrong' }),
  invalid_code: async (given) => {
    const { challenge } = await challengeOf(given)
    return given.client.post('/v1/sessions/challenges/complete', { challenge, code: '000000' })
  },
  challenge_gone: ({ client }) =>
    client.post('/v1/sessions/challenges/complete', { challenge: 'nonsense', code: '000000' }),
  second_factor_required: async (given) => {
    await challengeOf(given)
    const { username, password } = given.person
    return given.client.post('/sessions', { username, password })
  },
  factor_exists: async (given) => {
    const { tokens } = await challengeOf(given)
    return given.client.post('/v1/users/me/factors/totp', undefined, tokens.access_token)
  },
  factor_not_found: ({ client, tokens }) => client.delete('/v1/users/me/factors/totp', tokens.access_token),
  invalid_refresh_token: ({ client }) => client.refresh('nonsense'),
  refresh_token_reused: async ({ client, tokens }) => {
    const next = (await client.refresh(tokens.refresh_token)).body as Tokens
    await client.refresh(next.refresh_token)
    return client.refresh(tokens.refresh_token)
  },
  session_ended: async ({ client, tokens }) => {
    await client.delete('/v1/sessions/current', tokens.access_token)
    return client.get('/v1/users/me', tokens.access_token)
  },
  reauthentication_required: async ({ service, client, tokens }) => {
    service.clock.advance({ seconds: 601 })
    const { body } = await client.refresh(tokens.refresh_token)
    return client.delete('/v1/sessions', (body as Tokens).access_token)
  },
  invalid_service_key: ({ service, person }) =>
    new TestClient(service.internalUrl).get(`/v1/users/${person.id}/sessions`),
  insufficient_scope: () => responseToNarrowKey(),
  insufficient_role: ({ client, person, tokens }) =>
    client.get(`/v1/admin/users/${person.id}`, tokens.access_token),
  registration_closed: () => responseToSignUp('closed'),
  invalid_invitation: () => responseToSignUp('invite'),
  invitation_not_found: ({ service }) => service.operator().delete('/v1/invitations/999999'),
  user_disabled: async ({ service, client, person }) => {
    await service.operator().post(`/v1/users/${person.id}/disable`, { reason: 'Spam' })
    return signIn(client, person)
  },
  origin_mismatch: async ({ service, client, tokens }) => {
    const headers = { origin: 'https://chat.example.org' }
    const { body } = await client.request('POST', '/v1/tickets', { token: tokens.access_token, headers })
    return service.operator().post('/v1/tickets/redeem', {
      ticket: (body as { ticket: string }).ticket,
      origin: 'https://evil.example',
    })
  },
  no_signing_keys: () => responseWithoutSigningKeys(),
  no_messaging: ({ service }) => service.operator().post('/v1/outbox/tell-messaging', {}),
  no_mail: ({ client }) => client.post('/v1/password-resets', { email: 'ann@example.org' }),
  link_gone: ({ client }) => client.post('/v1/email-verifications/complete', { token: 'nonsense' }),
  ticket_gone: ({ service }) => service.operator().post('/v1/tickets/redeem', { ticket: 'nonsense' }),
  not_found: ({ client }) => client.get('/v1/nowhere'),
  session_not_found: ({ client, tokens }) =>
    client.delete(`/v1/sessions/${randomUUID()}`, tokens.access_token),
  user_not_found: ({ client, tokens }) => client.get('/v1/users/999999999', tokens.access_token),
  delivery_not_found: ({ service }) => service.operator().post('/v1/outbox/999999999/replay'),
  method_not_allowed: ({ client }) => client.get('/v1/sessions/refresh'),
  request_timeout: () => responseToUnfinishedRequest(),
  username_taken: ({ client, person }) => signUp(client, { username: person.username }),
  email_taken: ({ client, person }) => signUp(client, { email: person.email }),
  payload_too_large: ({ client }) => client.post('/v1/sessions', { username: 'x'.repeat(17_000) }),
  picture_too_large: ({ client, tokens }) => upload(client, tokens, new Uint8Array(2 ** 21 + 1)),
  unsupported_picture: ({ client, tokens }) => upload(client, tokens, Buffer.from('<svg/>')),
  unsupported_media_type: ({ client }) =>
    client.request('POST', '/v1/sessions', {
      body: 'a=b',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    }),
  expectation_failed: ({ service }) =>
    exchange(service.url, request('GET /health/live', ['Expect: the-unexpected'])),
  validation_failed: ({ client }) => client.post('/v1/sessions', {}),
  too_many_attempts: async ({ service, person }) => {
    service.clock.stop()
    const stranger = service.client()
    for (let at = 0; at < 10; at += 1) await signIn(stranger, { ...person, password: 'wrong' })
    return signIn(stranger, person)
  },
  header_too_large: ({ service }) =>
    exchange(service.url, request('GET /health/live', [`Cookie: ${'x'.repeat(17_000)}`])),
  internal_error: ({ service, client, tokens }) =>
    whileUpdatesFail(service, 'P0001', () => client.refresh(tokens.refresh_token)),
  overloaded: async ({ service }) => {
    for (;;) {
      const burst = Array.from({ length: 300 }, () => signIn(service.client(), newUser()))
      const refused = (await Promise.all(burst)).find(({ status }) => status === 503)
      if (refused !== undefined) return refused
    }
  },
  unavailable: ({ service, client, tokens }) =>
    whileUpdatesFail(service, '53100', () => client.refresh(tokens.refresh_token)),
}

/** Adds an authenticator and signs in with the password. */
async function challengeOf({ service, client, person, tokens }: Given) {
  const enrolled = await addAuthenticator(client, tokens, () => service.clock.now())
  const { body } = await signIn(client, person)
  return { ...enrolled, ...(body as { challenge: string }) }
}

/** Runs the work while every update of a session fails with this SQLSTATE. */
async function whileUpdatesFail<T>(
  { service }: TestService,
  state: string,
  work: () => Promise<T>,
): Promise<T> {
  const { db } = service
  await sql`create function fail() returns trigger language plpgsql as
    $$ begin raise exception 'secret words' using errcode = ${sql.lit(state)}; end $$`.execute(db)
  await sql`create trigger fail before update on sessions execute function fail()`.execute(db)
  try {
    return await work()
  } finally {
    await sql`drop trigger fail on sessions`.execute(db)
    await sql`drop function fail()`.execute(db)
  }
}

/** The response of a server with the same options and a short request timeout. */
async function responseToUnfinishedRequest(): Promise<ApiResponse> {
  const options = {
    publicUrl: 'http://localhost:8000',
    trustedProxies: [],
    corsOrigins: [],
    logger: pino({ level: 'silent' }),
  }
  const app = await createHttpServer({ ...options, requestTimeoutMs: 30 }, [], [])
  app.post('/', () => 'never')
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  const headers = ['Content-Type: application/json', 'Content-Length: 100']
  try {
    return await exchange(url, request('POST /', headers, '{"slow":'))
  } finally {
    app.server.closeAllConnections()
    await app.close()
  }
}

/** From an instance of its own, where not everybody may sign up. */
async function responseToSignUp(registration: string): Promise<ApiResponse> {
  const other = await startTestService('PGlite', { REGISTRATION: registration })
  try {
    return await signUp(other.client(), {})
  } finally {
    await other.stop()
  }
}

/** From an instance of its own, whose only key may verify and nothing else. */
async function responseToNarrowKey(): Promise<ApiResponse> {
  const keys = serviceKeySetting('a-narrow-service-key-of-the-tests-1', ['verify'])
  const narrow = await startTestService('PGlite', { SERVICE_KEYS: keys })
  try {
    return await narrow.operator().get('/v1/keys')
  } finally {
    await narrow.stop()
  }
}

/** The response of a service that signs with a shared secret. */
async function responseWithoutSigningKeys(): Promise<ApiResponse> {
  const options = {
    publicUrl: 'http://localhost:8000',
    trustedProxies: [],
    corsOrigins: [],
    logger: pino({ level: 'silent' }),
  }
  const keys = {
    algorithm: 'HS256' as const,
    list: listSigningKeys(undefined),
    replace: replaceSigningKey(undefined),
  }
  const secret = 'service-key-without-signing-keys-1'
  const key = { name: 'ops', scopes: ['operate'], secret } as const
  const guard = requireServiceKeys([key], { refusedKey: () => undefined, missingScope: () => undefined })
  const app = await createHttpServer(options, [guard], [{ prefix: '/v1', routes: signingKeyRoutes(keys) }])
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  try {
    return await new TestClient(url).post('/v1/keys/rotate', undefined, secret)
  } finally {
    await app.close()
  }
}

/** The fields of a problem that not every error has. */
const extras: Partial<Record<ProblemCode, Record<string, unknown>>> = {
  // Of an older route.
  second_factor_required: { details: expect.anything() as object },
  session_ended: { reason: 'signed_out' },
  too_many_attempts: {
    challenge: expect.anything() as object,
    detail: expect.stringContaining('proof_of_work') as string,
  },
  insufficient_scope: {
    detail:
      'The service key "tests" does not have the scope "operate". Use a key that has it, or add it to this key in SERVICE_KEYS.',
  },
  unavailable: {
    detail:
      'The database is out of connections, memory or disk space. ' +
      'Keep your tokens, and try again after the number of seconds in Retry-After.',
  },
  validation_failed: {
    errors: ['username', 'password'].map((field) => ({
      field,
      code: 'required',
      message: 'This field is required.',
    })),
  },
}

describe.each(databaseNames)('every error, on %s', { tags: ['HTTP-4'] }, (database) => {
  let service: TestService

  beforeAll(async () => {
    // A short queue, so that a burst fills it.
    const hashing = { memoryKib: 64, passes: 1, slots: 1, queueLimit: 1 }
    service = await startTestService(database, withoutMail, { ...cheapPasswordChecks, hashing })
  })
  afterAll(() => service.stop())

  test.each(Object.keys(problemTypes) as ProblemCode[])(
    'the error %s is sent as documented',
    async (code) => {
      const client = service.client()
      const person = await client.register()
      const tokens = await client.signIn(person)
      const response = await provocations[code]({ service, client, person, tokens })
      expectProblem(response, code, extras[code])
      expect(JSON.stringify(response.body)).not.toContain('secret words')
      // The service still works after any error.
      await service.client().signIn(await service.client().register())
    },
  )

  test.each(Object.entries(problemTypes))(
    '/errors/%s explains the error',
    async (code, { status, title, advice }) => {
      const response = await service.client().get(`/errors/${code}`)
      expect([response.status, response.body]).toEqual([200, { code, status, title, advice }])
    },
  )

  test.each(['nothing', '__proto__', 'constructor', 'toString', 'hasOwnProperty', '%00', 'SESSION_ENDED'])(
    '/errors/%s is 404 for an unknown code',
    async (code) => {
      expectProblem(await service.client().get(`/errors/${code}`), 'not_found')
    },
  )

  test('the cause of an internal error is logged under the request id of the response', async () => {
    const client = service.client()
    const tokens = await client.signIn(await client.register())
    const response = await provocations.internal_error({ service, client, person: newUser(), tokens })
    const { request_id } = response.body as { request_id: string }
    const line = service.logs.find(
      ({ event, request_id: id }) => event === 'http.failed' && id === request_id,
    )
    expect(line).toMatchObject({
      level: 'error',
      err: { code: 'P0001', stack: expect.any(String) as string },
    })
  })
})
