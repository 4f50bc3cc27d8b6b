import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { judgeRefresh, type RefreshVerdict, type ReusePolicy } from '../../src/domain/refresh-verdict.ts'
import {
  endSession,
  END_REASONS,
  refreshSession,
  renewSession,
  type Session,
} from '../../src/domain/session.ts'
import { aSession, at, DAY } from '../support/builders.ts'

const receipts: ReusePolicy = { windowSeconds: 30, lostResponse: 'receipts' }
const windowOnly: ReusePolicy = { windowSeconds: 30, lostResponse: 'window' }
const noWindow: ReusePolicy = { windowSeconds: 0, lostResponse: 'receipts' }
const strict: ReusePolicy = { windowSeconds: 0, lostResponse: 'window' }
const policies = [receipts, windowOnly, noWindow, strict]

/** Refreshed five times, the last time 100 seconds after noon. The latest access token is unused. */
const unconfirmed = aSession({ generation: 5, confirmedGeneration: 4, refreshedAt: at(100) })
const confirmed = aSession({ ...unconfirmed, confirmedGeneration: 5 })

const judged = (
  session: Session | undefined,
  presented: number,
  policy: ReusePolicy,
  seconds: number,
): RefreshVerdict => judgeRefresh(session, presented, policy, at(seconds))
const kind = (...question: Parameters<typeof judged>): string => judged(...question).kind

describe('a refresh token', () => {
  test('a refresh token without a session is unknown', () => {
    expect(judged(undefined, 0, receipts, 101)).toEqual({ kind: 'unknown' })
  })

  test('a refresh token that is newer than a live session rolls the session forward', () => {
    for (const policy of policies) {
      expect(judged(unconfirmed, 6, policy, 101)).toEqual({ kind: 'roll_forward' })
      expect(kind(confirmed, 600, policy, 20 * DAY)).toBe('roll_forward')
    }
  })

  test('a withdrawn refresh token is unknown, in and after the window, and never a replay', () => {
    const renewed = renewSession(unconfirmed, { authTime: at(100), amr: ['pwd'] }, at(100), DAY)
    expect(renewed).toMatchObject({ generation: 6, oldestGeneration: 6 })
    for (const policy of policies) {
      for (const presented of [0, 4, 5])
        for (const seconds of [100, 131])
          expect(judged(renewed, presented, policy, seconds)).toEqual({ kind: 'unknown' })
      expect(kind(renewed, 6, policy, 101)).toBe('rotate')
    }
    const next = refreshSession(renewed, at(200), DAY)
    expect([5, 6].map((presented) => kind(next, presented, receipts, 201))).toEqual(['unknown', 'repeat'])
  })

  test('a refresh token that is newer than its session does not revive it', () => {
    const ended = endSession(unconfirmed, 'signed_out', at(100))
    expect(judged(ended, 6, receipts, 101)).toEqual({ kind: 'ended', reason: 'signed_out' })
    expect(judged(unconfirmed, 6, receipts, 400 * DAY)).toEqual({ kind: 'ended', reason: 'expired' })
  })

  test.each(policies)('a refresh token of the current generation rotates under the policy %j', (policy) => {
    expect(judged(unconfirmed, 5, policy, 101)).toEqual({ kind: 'rotate' })
    expect(kind(confirmed, 5, policy, 20 * DAY)).toBe('rotate')
    expect(kind(aSession(), 0, policy, 0)).toBe('rotate')
  })

  test('a refresh token of the current generation rotates until just before the limits', () => {
    const idle = aSession({ idleExpiresAt: at(50) })
    expect(kind(idle, 0, receipts, 49.999)).toBe('rotate')
    expect(judged(idle, 0, receipts, 50)).toEqual({ kind: 'ended', reason: 'expired' })
    const absolute = aSession({ expiresAt: at(50) })
    expect(kind(absolute, 0, receipts, 49.999)).toBe('rotate')
    expect(judged(absolute, 0, receipts, 50)).toEqual({ kind: 'ended', reason: 'expired' })
  })

  test.each(END_REASONS)('a refresh token of a session that ended as %s gets that reason', (reason) => {
    const ended = endSession(confirmed, reason, at(200))
    expect(judged(ended, 5, receipts, 201)).toEqual({ kind: 'ended', reason })
  })

  test.each([0, 1, 4])(
    'a token of a session that is over is never a replay: generation %i of 5',
    (presented) => {
      for (const policy of policies) {
        expect(kind(endSession(confirmed, 'signed_out', at(200)), presented, policy, 300)).toBe('ended')
        expect(kind(confirmed, presented, policy, 31 * DAY)).toBe('ended')
      }
    },
  )
})

describe('a token of the generation before', () => {
  test('the previous token gets the same pair until the last millisecond of the window', () => {
    for (const policy of [receipts, windowOnly]) {
      expect(judged(confirmed, 4, policy, 100)).toEqual({ kind: 'repeat' })
      expect(kind(confirmed, 4, policy, 130)).toBe('repeat')
      expect(kind(confirmed, 4, policy, 130.001)).toBe('replay')
    }
  })

  test('the previous token gets the same pair long after if its successor is unused', () => {
    expect(kind(unconfirmed, 4, receipts, 130.001)).toBe('repeat')
    expect(kind(unconfirmed, 4, receipts, 29 * DAY)).toBe('repeat')
    expect(kind(aSession({ ...unconfirmed, confirmedGeneration: 0 }), 4, receipts, 29 * DAY)).toBe('repeat')
  })

  test('the previous token is a replay once its successor was used', () => {
    expect(judged(confirmed, 4, receipts, 131)).toEqual({ kind: 'replay' })
    expect(kind(confirmed, 4, receipts, 29 * DAY)).toBe('replay')
  })

  test('with LOST_ANSWER=window, the previous token is always a replay after the window', () => {
    expect(kind(unconfirmed, 4, windowOnly, 130)).toBe('repeat')
    expect(kind(unconfirmed, 4, windowOnly, 130.001)).toBe('replay')
  })

  test('without a window, the previous token is a replay as soon as its successor was used', () => {
    expect(kind(confirmed, 4, noWindow, 100)).toBe('replay')
    expect(kind(unconfirmed, 4, noWindow, 100)).toBe('repeat')
    expect(kind(unconfirmed, 4, strict, 100)).toBe('replay')
  })

  test('an instance with a slow clock repeats the pair for the previous token', () => {
    expect(kind(confirmed, 4, receipts, 99.9)).toBe('repeat')
  })
})

describe('an older token', () => {
  test.each([0, 1, 2, 3])(
    'a token older than the previous one is always a replay: generation %i of 5',
    (presented) => {
      for (const policy of policies) {
        expect(kind(unconfirmed, presented, policy, 100)).toBe('replay')
        expect(kind(aSession({ ...unconfirmed, confirmedGeneration: 0 }), presented, policy, 131)).toBe(
          'replay',
        )
      }
    },
  )
})

test('the refresh verdict matches the documented table for every session and token', () => {
  const policy = fc.record<ReusePolicy>({
    windowSeconds: fc.constantFrom(0, 1, 30, 600),
    lostResponse: fc.constantFrom('receipts', 'window'),
  })
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 4 }),
      fc.integer({ min: 0, max: 4 }),
      fc.nat(6),
      fc.boolean(),
      fc.constantFrom(0, 0.999, 1, 30, 30.001, 600, 600.001, 30 * DAY),
      policy,
      (generation, confirmedGeneration, presented, hasEnded, age, { windowSeconds, lostResponse }) => {
        fc.pre(confirmedGeneration <= generation)
        const session = aSession({
          generation,
          confirmedGeneration,
          ...(hasEnded && { endedAt: at(0), endReason: 'terminated' }),
        })
        const isInWindow = windowSeconds > 0 && age <= windowSeconds
        const isLost = lostResponse === 'receipts' && confirmedGeneration < generation
        const expected =
          hasEnded || age >= 30 * DAY
            ? 'ended'
            : presented > generation
              ? 'roll_forward'
              : presented === generation
                ? 'rotate'
                : presented === generation - 1 && (isInWindow || isLost)
                  ? 'repeat'
                  : 'replay'
        expect(kind(session, presented, { windowSeconds, lostResponse }, age)).toBe(expected)
      },
    ),
    { numRuns: 2_000 },
  )
})
