import { expect, test } from 'vitest'
import { revocationOf } from '../../src/domain/revocation.ts'
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
