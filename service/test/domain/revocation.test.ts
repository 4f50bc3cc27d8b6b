import { expect, test } from 'vitest'
import { outdatedTokensOf, revocationOf } from '../../src/domain/revocation.ts'
import { endSession, END_REASONS } from '../../src/domain/session.ts'
import { aSession, at, sessionId } from '../support/builders.ts'

const TTL = 600

test.each(END_REASONS.filter((reason) => reason !== 'expired'))(
  'a session that ends as %s is revoked until a minute after the last of its tokens has run out',
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

test('a revocation is kept no longer than a minute after the session could have lasted, since no token of it does', () => {
  const idle = aSession({ idleExpiresAt: at(70) })
  expect(revocationOf(endSession(idle, 'terminated', at(50)), TTL)?.expiresAt).toEqual(at(130))
  const absolute = aSession({ expiresAt: at(80) })
  expect(revocationOf(endSession(absolute, 'terminated', at(50)), TTL)?.expiresAt).toEqual(at(140))
})

test('a session that ran out needs no revocation', () => {
  expect(revocationOf(endSession(aSession(), 'expired', at(50)), TTL)).toBeUndefined()
})

test('a session that has not ended has no revocation', () => {
  expect(revocationOf(aSession(), TTL)).toBeUndefined()
})

test('the tokens of a session up to now are refused until a minute after the last of them has run out', () => {
  expect(outdatedTokensOf(aSession({ generation: 4 }), TTL, at(50))).toEqual({
    sessionId: sessionId(1),
    userId: 42,
    reason: 'roles_changed',
    upToGeneration: 4,
    expiresAt: at(710),
  })
  expect(outdatedTokensOf(aSession({ idleExpiresAt: at(70) }), TTL, at(50))?.expiresAt).toEqual(at(130))
  expect(outdatedTokensOf(aSession({ expiresAt: at(80) }), TTL, at(50))?.expiresAt).toEqual(at(140))
})

test('a session that is over has no tokens that could be outdated', () => {
  expect(outdatedTokensOf(endSession(aSession(), 'terminated', at(50)), TTL, at(60))).toBeUndefined()
  expect(outdatedTokensOf(aSession({ idleExpiresAt: at(50) }), TTL, at(50))).toBeUndefined()
})
