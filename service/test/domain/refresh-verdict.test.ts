import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { judgeRefresh, type RefreshVerdict, type ReusePolicy } from '../../src/domain/refresh-verdict.ts'
import { endSession, END_REASONS, type Session } from '../../src/domain/session.ts'
import { aSession, at, DAY } from '../support/builders.ts'

const receipts: ReusePolicy = { windowSeconds: 30, lostAnswer: 'receipts' }
const windowOnly: ReusePolicy = { windowSeconds: 30, lostAnswer: 'window' }
const noWindow: ReusePolicy = { windowSeconds: 0, lostAnswer: 'receipts' }
const strict: ReusePolicy = { windowSeconds: 0, lostAnswer: 'window' }
const policies = [receipts, windowOnly, noWindow, strict]

/** Refreshed five times, the last time a hundred seconds after noon; nobody used what that gave out. */
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
  test('of no session is unknown', () => {
    expect(judged(undefined, 0, receipts, 101)).toEqual({ kind: 'unknown' })
  })

  test('of a generation that does not exist yet is unknown, even when the session is over', () => {
    expect(judged(unconfirmed, 6, receipts, 101)).toEqual({ kind: 'unknown' })
    expect(kind(endSession(unconfirmed, 'signed_out', at(100)), 6, receipts, 101)).toBe('unknown')
    expect(kind(unconfirmed, 6, receipts, 400 * DAY)).toBe('unknown')
  })

  test.each(policies)('of the present generation rotates, whatever the policy: %j', (policy) => {
    expect(judged(unconfirmed, 5, policy, 101)).toEqual({ kind: 'rotate' })
    expect(kind(confirmed, 5, policy, 20 * DAY)).toBe('rotate')
    expect(kind(aSession(), 0, policy, 0)).toBe('rotate')
  })

  test('of the present generation rotates until the limits, and not at them', () => {
    const idle = aSession({ idleExpiresAt: at(50) })
    expect(kind(idle, 0, receipts, 49.999)).toBe('rotate')
    expect(judged(idle, 0, receipts, 50)).toEqual({ kind: 'ended', reason: 'expired' })
    const absolute = aSession({ expiresAt: at(50) })
    expect(kind(absolute, 0, receipts, 49.999)).toBe('rotate')
    expect(judged(absolute, 0, receipts, 50)).toEqual({ kind: 'ended', reason: 'expired' })
  })

  test.each(END_REASONS)('of a session that ended as %s is told so', (reason) => {
    const ended = endSession(confirmed, reason, at(200))
    expect(judged(ended, 5, receipts, 201)).toEqual({ kind: 'ended', reason })
  })

  test.each([0, 1, 4])(
    'of a session that is over is never counted as theft, such as generation %i of 5',
    (presented) => {
      for (const policy of policies) {
        expect(kind(endSession(confirmed, 'signed_out', at(200)), presented, policy, 300)).toBe('ended')
        expect(kind(confirmed, presented, policy, 31 * DAY)).toBe('ended')
      }
    },
  )
})

describe('a token of the generation before', () => {
  test('is answered again within the window, to its last millisecond', () => {
    for (const policy of [receipts, windowOnly]) {
      expect(judged(confirmed, 4, policy, 100)).toEqual({ kind: 'repeat' })
      expect(kind(confirmed, 4, policy, 130)).toBe('repeat')
      expect(kind(confirmed, 4, policy, 130.001)).toBe('replay')
    }
  })

  test('is answered again long after, when nobody has used its successor', () => {
    expect(kind(unconfirmed, 4, receipts, 130.001)).toBe('repeat')
    expect(kind(unconfirmed, 4, receipts, 29 * DAY)).toBe('repeat')
    expect(kind(aSession({ ...unconfirmed, confirmedGeneration: 0 }), 4, receipts, 29 * DAY)).toBe('repeat')
  })

  test('is a replay once somebody has', () => {
    expect(judged(confirmed, 4, receipts, 131)).toEqual({ kind: 'replay' })
    expect(kind(confirmed, 4, receipts, 29 * DAY)).toBe('replay')
  })

  test('is a replay after the window, used or not, where only the window counts', () => {
    expect(kind(unconfirmed, 4, windowOnly, 130)).toBe('repeat')
    expect(kind(unconfirmed, 4, windowOnly, 130.001)).toBe('replay')
  })

  test('is a replay at once without a window, unless nobody has used its successor', () => {
    expect(kind(confirmed, 4, noWindow, 100)).toBe('replay')
    expect(kind(unconfirmed, 4, noWindow, 100)).toBe('repeat')
    expect(kind(unconfirmed, 4, strict, 100)).toBe('replay')
  })

  test('is answered again by an instance whose clock is a little behind that of the one that rotated', () => {
    expect(kind(confirmed, 4, receipts, 99.9)).toBe('repeat')
  })
})

describe('an older token', () => {
  test.each([0, 1, 2, 3])(
    'is a replay, used or not, within the window or not: generation %i of 5',
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

test('the verdict is that of the table, row by row, for every session and token', () => {
  const policy = fc.record<ReusePolicy>({
    windowSeconds: fc.constantFrom(0, 1, 30, 600),
    lostAnswer: fc.constantFrom('receipts', 'window'),
  })
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 4 }),
      fc.integer({ min: 0, max: 4 }),
      fc.nat(6),
      fc.boolean(),
      fc.constantFrom(0, 0.999, 1, 30, 30.001, 600, 600.001, 30 * DAY),
      policy,
      (generation, confirmedGeneration, presented, hasEnded, age, { windowSeconds, lostAnswer }) => {
        fc.pre(confirmedGeneration <= generation)
        const session = aSession({
          generation,
          confirmedGeneration,
          ...(hasEnded && { endedAt: at(0), endReason: 'terminated' }),
        })
        const isInWindow = windowSeconds > 0 && age <= windowSeconds
        const isLost = lostAnswer === 'receipts' && confirmedGeneration < generation
        const expected =
          presented > generation
            ? 'unknown'
            : hasEnded || age >= 30 * DAY
              ? 'ended'
              : presented === generation
                ? 'rotate'
                : presented === generation - 1 && (isInWindow || isLost)
                  ? 'repeat'
                  : 'replay'
        expect(kind(session, presented, { windowSeconds, lostAnswer }, age)).toBe(expected)
      },
    ),
    { numRuns: 2_000 },
  )
})
