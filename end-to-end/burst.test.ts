// A thousand sessions end at the same time: five banned users and five hundred sign-outs.
import { HmacRefreshTokens } from '../service/src/infrastructure/crypto/hmac-refresh-tokens.ts'
import type { SessionId } from '../service/src/domain/session.ts'
import type { UserId } from '../service/src/domain/user.ts'
import { connectWithoutDeadlines } from '../service/src/infrastructure/postgres/connect.ts'
import { expect, onTestFinished, test } from 'vitest'
import type { ApiResponse, Tokens } from '../service/test/support/test-client.ts'
import { migratedDatabase, startOn, testSecret } from '../service/test/support/test-service.ts'
import {
  connect,
  endedAs,
  heartbeat,
  verdictOnToken,
  signedIn,
  signOut,
  ReportedEnds,
  type SignedIn,
} from './connected.ts'

const BANNED = 5
const LEAVING = 5
const SESSIONS_EACH = 100

type Pool = ReturnType<typeof connectWithoutDeadlines>

/** Copies of their session, and a refresh token for each: signing in a thousand times would take all day. */
async function copySessions(db: Pool, { person, tokens }: SignedIn): Promise<string[]> {
  const { rows } = await db.query<{ id: SessionId }>(
    `insert into sessions
     select (jsonb_populate_record(original, jsonb_build_object('id', gen_random_uuid()))).*
     from sessions as original, generate_series(2, ${SESSIONS_EACH})
     where user_id = $1 and id = $2
     returning id`,
    [person.id, tokens.session.id],
  )
  const refreshTokens = new HmacRefreshTokens({ current: testSecret, previous: [] })
  const userId = person.id as UserId
  return rows.map(({ id: sessionId }) => refreshTokens.issue({ userId, sessionId, generation: 0 }))
}

/** Retries while the service is overloaded (503). */
async function insistOn(request: () => Promise<ApiResponse>): Promise<ApiResponse> {
  const response = await request()
  return response.status === 503 ? insistOn(request) : response
}

test('three verifiers receive each of a thousand ends once, and reach the same state', async () => {
  const place = await migratedDatabase()
  onTestFinished(place.remove)
  const db = connectWithoutDeadlines(place.url)
  onTestFinished(() => db.end())
  const shared = { settings: place.settings, remove: () => Promise.resolve() }
  const [one, other] = await Promise.all([startOn(shared), startOn(shared)])
  onTestFinished(() => Promise.all([one.stop(), other.stop()]).then(() => undefined))
  const verifiers = await Promise.all([connect(one), connect(other), connect(other)])
  const told = verifiers.map((verifier) => new ReportedEnds(verifier))

  const everybody = await Promise.all(
    Array.from({ length: BANNED + LEAVING }, async () => {
      const someone = await signedIn(one)
      const copies = await copySessions(db, someone)
      const responses = await Promise.all(
        copies.map((refreshToken) => insistOn(() => other.client().refresh(refreshToken))),
      )
      const tokens = [someone.tokens, ...responses.map(({ body }) => body as Tokens)]
      return { ...someone, all: tokens }
    }),
  )
  const banned = everybody.slice(0, BANNED)
  const leaving = everybody.slice(BANNED).flatMap(({ all }) => all)
  const living = await signedIn(other)

  const at = (index: number) => (index % 2 === 0 ? one : other)
  await Promise.all([
    ...banned.map(async ({ person }, index) => {
      const ban = () => at(index).operator().post(`/v1/users/${person.id}/disable`, { reason: 'spam' })
      expect(await insistOn(ban)).toMatchObject({ status: 204 })
    }),
    ...leaving.map(async ({ access_token: token }, index) => {
      const { status, body } = await insistOn(() => at(index).client().delete('/v1/sessions/current', token))
      // The session may have ended although the response was an error.
      if (status !== 204) expect(body).toMatchObject({ code: 'session_ended', reason: 'signed_out' })
    }),
  ])

  const expected = [
    ...banned.flatMap(({ all }) => all.map(({ session }) => `${session.id} user_disabled`)),
    ...leaving.map(({ session }) => `${session.id} signed_out`),
  ]
  expect(new Set(expected).size).toBe(SESSIONS_EACH * (BANNED + LEAVING))
  await Promise.all(told.map((each) => each.until((ends) => ends.length >= expected.length)))
  // By then, every repeated event has arrived.
  await signOut(living)
  await Promise.all(told.map((each) => each.of(living.tokens.session.id)))
  await Promise.all(verifiers.map(heartbeat))
  expected.push(`${living.tokens.session.id} signed_out`)
  for (const { ends } of told) {
    expect(ends.map(({ sid, reason }) => `${sid} ${reason}`).sort()).toEqual(expected.toSorted())
  }
  for (const verifier of verifiers) {
    for (const { all } of banned)
      for (const tokens of all) expect(await verdictOnToken(verifier, tokens)).toBe(endedAs('user_disabled'))
    for (const tokens of leaving) expect(await verdictOnToken(verifier, tokens)).toBe(endedAs('signed_out'))
  }
  expect(verifiers.map((verifier) => verifier.health().revokedCount)).toEqual([1_001, 1_001, 1_001])
})
