// HS256, for services that share a secret and cannot fetch keys.
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { startTestService, type TestService } from '../service/test/support/test-service.ts'
import { createVerifier } from '../verifiers/node/src/index.ts'
import {
  ACCEPTED,
  connect,
  endedAs,
  verdictOnToken,
  optionsFor,
  signedIn,
  signOut,
  ReportedEnds,
  waitUntil,
} from './connected.ts'

const sharedSecret = 'a secret that the service and its verifiers share'

let service: TestService
let published: TestService

beforeAll(async () => {
  const audience = { TOKEN_AUDIENCE: '' }
  const secret = { TOKEN_ALGORITHM: 'HS256', TOKEN_SHARED_SECRET: sharedSecret }
  ;[service, published] = await Promise.all([
    startTestService('PostgreSQL', { ...audience, ...secret }),
    startTestService('PostgreSQL', audience),
  ])
})
afterAll(() => Promise.all([service.stop(), published.stop()]))

const secretly = { sharedSecret, audience: undefined }

test('a verifier with the secret accepts tokens without an audience, until their session ends', async () => {
  const verifier = await connect(service, secretly)
  const told = new ReportedEnds(verifier)
  const [ending, living] = await Promise.all([signedIn(service), signedIn(service)])
  const claims = await verifier.verify(ending.tokens.access_token)
  expect(claims).toMatchObject({ user_id: ending.person.id, sid: ending.tokens.session.id })
  expect(claims).not.toHaveProperty('aud')
  await signOut(ending)
  await told.of(ending.tokens.session.id)
  expect(await verdictOnToken(verifier, ending.tokens)).toBe(endedAs('signed_out'))
  expect(await verdictOnToken(verifier, living.tokens)).toBe(ACCEPTED)
})

test('another secret, or an audience that no token has, accepts none of them', async () => {
  const { tokens } = await signedIn(service)
  const wrong = await connect(service, { ...secretly, sharedSecret: sharedSecret.toUpperCase() })
  expect(await verdictOnToken(wrong, tokens)).toBe('bad_signature')
  const strict = await connect(service, { ...secretly, audience: 'chat' })
  expect(await verdictOnToken(strict, tokens)).toBe('wrong_audience')
})

test('secret and published keys are never mixed', async () => {
  const [secret, signed] = await Promise.all([signedIn(service), signedIn(published)])
  const withSecret = await connect(service, secretly)
  const withKeys = await connect(published, { audience: undefined })
  expect(await verdictOnToken(withKeys, signed.tokens)).toBe(ACCEPTED)
  expect(await verdictOnToken(withSecret, signed.tokens)).toBe('wrong_algorithm')
  expect(await verdictOnToken(withKeys, secret.tokens)).toBe('wrong_algorithm')
})

test('the secret is not published: without it, no verifier becomes ready', async () => {
  const verifier = createVerifier(optionsFor(service, { audience: undefined }))
  onTestFinished(() => verifier.close())
  await waitUntil(() => verifier.health().connected)
  const failure = await verifier.ready({ timeoutMs: 100 }).catch((error: unknown) => error)
  expect(failure).toBeInstanceOf(Error)
  expect(verifier.health()).toMatchObject({ connected: true, keyCount: 0, fresh: false })
})
