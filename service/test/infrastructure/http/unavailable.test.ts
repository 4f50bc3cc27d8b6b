// The reasons that a 503 `unavailable` gives to its caller, through the real error handler.
import fastify from 'fastify'
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { AsymmetricKeyRing } from '../../../src/infrastructure/crypto/key-ring.ts'
import { JwtAccessTokens } from '../../../src/infrastructure/crypto/jwt-access-tokens.ts'
import { EncryptingKeyMaker } from '../../../src/infrastructure/crypto/encrypting-key-maker.ts'
import { handleError } from '../../../src/infrastructure/http/error-handler.ts'
import { connectPool } from '../../../src/infrastructure/postgres/connect.ts'
import { openDatabase } from '../../../src/infrastructure/postgres/database.ts'
import { translate } from '../../../src/infrastructure/postgres/unavailable.ts'
import { FakeReceiptProofs } from '../../fakes/fake-receipt-proofs.ts'
import { aSession, noon } from '../../support/builders.ts'

const translated = (error: Error): Error => translate(error) as Error

const advice = 'Keep your tokens, and try again after the number of seconds in Retry-After.'

async function responseTo(work: () => unknown) {
  const app = fastify()
  app.setErrorHandler(handleError('http://localhost'))
  app.get('/', async () => {
    await work()
  })
  const response = await app.inject('/')
  return {
    status: response.statusCode,
    retryAfter: response.headers['retry-after'],
    ...response.json<{ code: string; detail: string }>(),
  }
}

test('without a signing key the response says that there is none', async () => {
  const keys = new AsymmetricKeyRing(
    new EncryptingKeyMaker({ current: 'a secret that is long enough for tests', previous: [] }),
    'EdDSA',
  )
  const tokens = new JwtAccessTokens(keys, new FakeReceiptProofs(), {
    issuer: 'http://localhost',
    audience: undefined,
    ttlSeconds: 60,
  })
  expect(await responseTo(() => tokens.issue(aSession(), noon))).toMatchObject({
    status: 503,
    code: 'unavailable',
    retryAfter: '5',
    detail: `The service has no key to sign tokens with at the moment. ${advice}`,
  })
})

test('with the database down the response says that it cannot be reached', async () => {
  const db = openDatabase(connectPool('postgres://nobody@127.0.0.1:1/nowhere', 1))
  const response = await responseTo(() => sql`select 1`.execute(db))
  expect(response).toMatchObject({
    status: 503,
    code: 'unavailable',
    retryAfter: '2',
    detail: `The database cannot be reached. ${advice}`,
  })
  await db.destroy()
})

test.each([
  ['57014', 'The database did not respond in time.'],
  ['57P01', 'The database is restarting or was shut down.'],
  ['53300', 'The database is out of connections, memory or disk space.'],
  ['58030', 'The database cannot read or write its files.'],
  ['55P03', 'Another request held the same data for too long.'],
  ['25006', 'The database does not accept changes at the moment.'],
  ['25P03', 'The request took too long, so the database cancelled it.'],
  ['08006', 'The connection to the database was lost.'],
])('a database error of state %s has its own reason in the response', async (code, reason) => {
  const error = Object.assign(new Error('secret words'), { severity: 'ERROR', code })
  const response = await responseTo(() => Promise.reject(translated(error)))
  expect(response).toMatchObject({ status: 503, detail: `${reason} ${advice}` })
  expect(JSON.stringify(response)).not.toContain('secret words')
})

test.each([
  ['Query read timeout', 'The database did not respond in time.'],
  ['timeout exceeded when trying to connect', 'The database did not respond in time.'],
  ['Connection terminated unexpectedly', 'The connection to the database was lost.'],
])('the driver error "%s" has its own reason in the response', async (message, reason) => {
  const response = await responseTo(() => Promise.reject(translated(new Error(message))))
  expect(response).toMatchObject({ status: 503, detail: `${reason} ${advice}` })
})
