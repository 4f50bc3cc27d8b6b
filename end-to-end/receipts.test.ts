// Receipts of verifiers distinguish a stolen refresh token from a lost response.
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import type { TestClient, Tokens } from '../service/test/support/test-client.ts'
import { startTestService, type TestService } from '../service/test/support/test-service.ts'
import type { Verifier } from '../verifiers/node/src/index.ts'
import {
  ACCEPTED,
  connect,
  connectThroughProxy,
  endedAs,
  heartbeat,
  verdictOnToken,
  signedIn,
  ReportedEnds,
  waitUntil,
} from './connected.ts'

/** Access tokens outlive the hour that passes in these tests, so that their end is the session's. */
const settings = { ACCESS_TOKEN_TTL: '2h' }

let service: TestService

beforeAll(async () => {
  service = await startTestService('PostgreSQL', settings)
})
afterAll(() => service.stop())

async function refreshed(client: TestClient, { refresh_token }: Tokens): Promise<Tokens> {
  const { status, body } = await client.refresh(refresh_token)
  if (status !== 200) throw new Error(`refreshing failed with status ${status}: ${JSON.stringify(body)}`)
  return body as Tokens
}

/** An hour that verifiers live through, too: the service's clock goes by, and they follow it. */
async function anHourLater({ clock }: TestService, verifier: Verifier): Promise<void> {
  clock.advance({ hours: 1 })
  await heartbeat(verifier)
  expect(verifier.health().fresh).toBe(true)
}

/** The verifier has reported all it saw, and the service has written it down. */
async function reported(service: TestService, verifier: Verifier): Promise<void> {
  await waitUntil(() => verifier.health().receipts.waiting === 0)
  expect(verifier.health().receipts).toMatchObject({ dropped: 0 })
  await service.service.receipts.flush()
}

const REUSED = { status: 401, body: { code: 'refresh_token_reused' } }

test('a stolen refresh token is detected an hour later if a verifier saw its access token', async () => {
  const verifier = await connect(service)
  const told = new ReportedEnds(verifier)
  const { client, tokens: person } = await signedIn(service)
  expect(await verdictOnToken(verifier, person)).toBe(ACCEPTED)
  const thief = await refreshed(service.client(), person)
  expect(await verdictOnToken(verifier, thief)).toBe(ACCEPTED)
  await reported(service, verifier)

  await anHourLater(service, verifier)
  expect(await verdictOnToken(verifier, thief)).toBe(ACCEPTED)
  expect(await client.refresh(person.refresh_token)).toMatchObject(REUSED)
  await told.of(person.session.id)
  for (const tokens of [person, thief])
    expect(await verdictOnToken(verifier, tokens)).toBe(endedAs('refresh_token_reused'))
  expect(await service.client().refresh(thief.refresh_token)).toMatchObject({
    status: 401,
    body: { code: 'session_ended', reason: 'refresh_token_reused' },
  })
  expect(told.ends).toHaveLength(1)
})

test('a lost response is repeated an hour later if its tokens were never used', async () => {
  const verifier = await connect(service)
  const { client, tokens } = await signedIn(service)
  const lost = await refreshed(client, tokens)
  // The user goes on with the old token, which proves nothing about the lost one.
  expect(await verdictOnToken(verifier, tokens)).toBe(ACCEPTED)
  await reported(service, verifier)

  await anHourLater(service, verifier)
  const again = await refreshed(client, tokens)
  expect(again.refresh_token).toBe(lost.refresh_token)
  expect(await verdictOnToken(verifier, again)).toBe(ACCEPTED)
  await reported(service, verifier)
  // From now on it is known to have arrived.
  await anHourLater(service, verifier)
  expect(await client.refresh(tokens.refresh_token)).toMatchObject(REUSED)
})

test('with LOST_ANSWER=window, a token replayed after the window ends the session', async () => {
  const strict = await startTestService('PostgreSQL', { ...settings, LOST_ANSWER: 'window' })
  onTestFinished(() => strict.stop())
  const verifier = await connect(strict)
  const told = new ReportedEnds(verifier)
  const { client, tokens } = await signedIn(strict)
  const lost = await refreshed(client, tokens)
  expect((await refreshed(client, tokens)).refresh_token).toBe(lost.refresh_token)
  await anHourLater(strict, verifier)
  expect(await client.refresh(tokens.refresh_token)).toMatchObject(REUSED)
  await told.of(tokens.session.id)
  for (const each of [tokens, lost])
    expect(await verdictOnToken(verifier, each)).toBe(endedAs('refresh_token_reused'))
})

test('a receipt that the service could not take is reported again', async () => {
  const { verifier, proxy } = await connectThroughProxy(service)
  const { client, tokens: person } = await signedIn(service)
  const thief = await refreshed(service.client(), person)
  expect(await verdictOnToken(verifier, thief)).toBe(ACCEPTED)
  proxy.cut()
  // By then the first report is due, too, and has come to nothing.
  await waitUntil(() => verifier.health().feedReconnects >= 7)
  expect(verifier.health().receipts).toEqual({ reported: 0, dropped: 0, waiting: 1 })
  proxy.heal()
  await reported(service, verifier)
  service.clock.advance({ hours: 1 })
  expect(await client.refresh(person.refresh_token)).toMatchObject(REUSED)
})
