import { expect, test } from 'vitest'
import { outdatedTokensOf, revocationOf } from '../../src/domain/revocation.ts'
import { endSession, END_REASONS, type Session } from '../../src/domain/session.ts'
import { aSession, at, sessionId } from '../support/builders.ts'

const TTL = 600

test.each(END_REASONS.filter((reason) => reason !== 'expired'))(
  'a session that ends as %s stays revoked a minute beyond its last access token',
  (reason) => {
    expect(revocationOf(endSession(aSession(), reason, at(50)), TTL)).toEqual({
      sessionId: sessionId(1),
      userId: 42,
      reason,
      upToGeneration: undefined,
      expiresAt: at(710),
    })
  },
)

test('a revocation is kept at most a minute beyond the limits of its session', () => {
  const idle = aSession({ idleExpiresAt: at(70) })
  expect(revocationOf(endSession(idle, 'terminated', at(50)), TTL)?.expiresAt).toEqual(at(130))
  const absolute = aSession({ expiresAt: at(80) })
  expect(revocationOf(endSession(absolute, 'terminated', at(50)), TTL)?.expiresAt).toEqual(at(140))
})

test('a revocation outlasts tokens that a clock ahead of now has issued', () => {
  const ahead = aSession({ refreshedAt: at(900) })
  expect(revocationOf(endSession(ahead, 'terminated', at(50)), TTL)?.expiresAt).toEqual(at(1560))
})

test('a session that ran out needs no revocation', () => {
  expect(revocationOf(endSession(aSession(), 'expired', at(50)), TTL)).toBeUndefined()
})

test('a session that has not ended has no revocation', () => {
  expect(revocationOf(aSession(), TTL)).toBeUndefined()
})

test('a role change revokes the tokens so far until a minute after the last one expires', () => {
  expect(outdatedTokensOf(aSession({ generation: 4 }), 'roles_changed', TTL, at(50))).toEqual({
    sessionId: sessionId(1),
    userId: 42,
    reason: 'roles_changed',
    upToGeneration: 4,
    expiresAt: at(710),
  })
  const expiry = (session: Session) => outdatedTokensOf(session, 'tokens_renewed', TTL, at(50))?.expiresAt
  expect(expiry(aSession({ idleExpiresAt: at(70) }))).toEqual(at(130))
  expect(expiry(aSession({ expiresAt: at(80) }))).toEqual(at(140))
})

test('a role change revokes no tokens of a session that is over', () => {
  expect(
    outdatedTokensOf(endSession(aSession(), 'terminated', at(50)), 'roles_changed', TTL, at(60)),
  ).toBeUndefined()
  expect(outdatedTokensOf(aSession({ idleExpiresAt: at(50) }), 'roles_changed', TTL, at(50))).toBeUndefined()
})
