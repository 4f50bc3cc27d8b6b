import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  displacedBy,
  endReasonOf,
  endSession,
  END_REASONS,
  isAuthenticatedRecently,
  isExpired,
  isLive,
  parseGeneration,
  parseSessionId,
  refreshSession,
  renewSession,
  expiryOf,
  startSession,
  type Session,
} from '../../src/domain/session.ts'
import type { UserId } from '../../src/domain/user.ts'
import { aDevice, aSession, at, DAY, noon, sessionId } from '../support/builders.ts'

const started = (idleSeconds: number, absoluteSeconds: number): Session =>
  startSession(
    { id: sessionId(7), userId: 9 as UserId, device: aDevice(), amr: ['pwd', 'otp'], roles: ['moderator'] },
    { idleSeconds, absoluteSeconds },
    noon,
  )

describe('a session that starts', () => {
  test('a new session starts at generation 0, confirmed up to generation 0', () => {
    expect(started(30, 60)).toEqual({
      id: sessionId(7),
      userId: 9,
      generation: 0,
      oldestGeneration: 0,
      confirmedGeneration: 0,
      createdAt: noon,
      refreshedAt: noon,
      lastSeenAt: noon,
      idleExpiresAt: at(30),
      expiresAt: at(60),
      endedAt: undefined,
      endReason: undefined,
      device: aDevice(),
      lastPlace: { address: '203.0.113.7', userAgent: 'Mozilla/5.0' },
      authTime: noon,
      amr: ['pwd', 'otp'],
      roles: ['moderator'],
    })
  })

  test('the idle limit of a new session does not pass its absolute limit', () => {
    expect(started(60, 30)).toMatchObject({ idleExpiresAt: at(30), expiresAt: at(30) })
  })
})

describe('a refreshed session', () => {
  test('a refresh begins the next generation and the idle time, and changes nothing else', () => {
    const session = aSession({ generation: 4, confirmedGeneration: 3, expiresAt: at(600) })
    expect(refreshSession(session, at(60), 30)).toEqual({
      ...session,
      generation: 5,
      refreshedAt: at(60),
      idleExpiresAt: at(90),
    })
  })

  test('a refresh never moves the idle limit past the absolute limit', () => {
    const session = aSession({ idleExpiresAt: at(70), expiresAt: at(80) })
    expect(refreshSession(session, at(60), 30).idleExpiresAt).toEqual(at(80))
  })
})

describe('a session', () => {
  test.each([
    { idle: 30, absolute: 60 },
    { idle: 60, absolute: 30 },
  ])('a session runs out at its earlier limit: $idle s idle, $absolute s absolute', ({ idle, absolute }) => {
    const session = aSession({ idleExpiresAt: at(idle), expiresAt: at(absolute) })
    expect(expiryOf(session)).toEqual(at(30))
    expect(isExpired(session, at(29.999))).toBe(false)
    expect(isLive(session, at(29.999))).toBe(true)
    expect(isExpired(session, at(30))).toBe(true)
    expect(isLive(session, at(30))).toBe(false)
  })

  test('an ended session is not live, even before its limits', () => {
    const ended = endSession(aSession(), 'signed_out', at(5))
    expect(isLive(ended, at(5))).toBe(false)
    expect(isLive(ended, noon)).toBe(false)
    expect(isExpired(ended, at(5))).toBe(false)
  })

  test('ending a session changes only its end time and reason', () => {
    const session = aSession({ generation: 3 })
    expect(endSession(session, 'terminated', at(5))).toEqual({
      ...session,
      endedAt: at(5),
      endReason: 'terminated',
    })
    expect(session.endedAt).toBeUndefined()
  })

  test('ending a session again changes neither its reason nor its end time', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...END_REASONS),
        fc.array(fc.tuple(fc.constantFrom(...END_REASONS), fc.nat(400 * DAY))),
        (first, later) => {
          const ended = endSession(aSession(), first, at(5))
          const again = later.reduce(
            (session, [reason, when]) => endSession(session, reason, at(when)),
            ended,
          )
          expect(again).toBe(ended)
          expect(isLive(again, noon)).toBe(false)
        },
      ),
    )
  })

  test('a session that has run out ends as expired, whatever the given reason', () => {
    expect(endSession(aSession(), 'terminated', at(30 * DAY - 1)).endReason).toBe('terminated')
    expect(endSession(aSession(), 'terminated', at(30 * DAY)).endReason).toBe('expired')
  })

  test('the end reason of a session is the one it ended with, or expired', () => {
    expect(endReasonOf(endSession(aSession(), 'displaced', at(5)))).toBe('displaced')
    expect(endReasonOf(aSession())).toBe('expired')
  })
})

test('an authentication is recent up to and including its last second, whatever was refreshed since', () => {
  const session = aSession({ generation: 3, refreshedAt: at(299) })
  expect(isAuthenticatedRecently(session, at(300), 300)).toBe(true)
  expect(isAuthenticatedRecently(session, new Date(+at(300) + 1), 300)).toBe(false)
})

test('an authentication by a clock that was ahead is not recent when the clock is right', () => {
  expect(isAuthenticatedRecently(aSession(), at(-60), 300)).toBe(true)
  expect(isAuthenticatedRecently(aSession(), at(-61), 300)).toBe(false)
})

test('only proving again who one is renews the time of the authentication, a refresh does not', () => {
  const refreshed = refreshSession(aSession(), at(400), 30 * DAY)
  expect(isAuthenticatedRecently(refreshed, at(400), 300)).toBe(false)
  const renewed = renewSession(refreshed, { authTime: at(500), amr: ['pwd'] }, at(500), 30 * DAY)
  expect(isAuthenticatedRecently(renewed, at(800), 300)).toBe(true)
})

describe('making room for another session', () => {
  const used = (number: number, lastSeen: number, refreshed: number): Session =>
    aSession({ id: sessionId(number), lastSeenAt: at(lastSeen), refreshedAt: at(refreshed) })
  const displaced = (live: readonly Session[], maximum: number): number[] =>
    displacedBy(live, maximum).map(({ id }) => Number.parseInt(id.slice(-4), 16))

  test('a new session displaces no other while the user is below the maximum', () => {
    expect(displaced([], 1)).toEqual([])
    expect(displaced([used(1, 0, 0), used(2, 0, 0)], 3)).toEqual([])
  })

  test('a new session displaces the longest unused one; requests and refreshes both count', () => {
    const live = [used(1, 10, 40), used(2, 30, 0), used(3, 35, 5)]
    expect(displaced(live, 3)).toEqual([2])
    expect(displaced(live.toReversed(), 3)).toEqual([2])
  })

  test('after the maximum was lowered, a new session displaces several, longest unused first', () => {
    expect(displaced([used(1, 10, 40), used(2, 30, 0), used(3, 35, 5), used(4, 1, 1)], 2)).toEqual([4, 2, 3])
    expect(displaced([used(1, 10, 40), used(2, 30, 0)], 1)).toEqual([2, 1])
  })

  test('displacing leaves room for exactly one session and keeps the most recently used ones', () => {
    const sessions = fc.array(fc.tuple(fc.nat(1000), fc.nat(1000)), { maxLength: 20 })
    fc.assert(
      fc.property(sessions, fc.integer({ min: 1, max: 20 }), (uses, maximum) => {
        const live = uses.map(([seen, refreshed], index) => used(index, seen, refreshed))
        const going = displacedBy(live, maximum)
        const staying = live.filter((session) => !going.includes(session))
        const lastUse = ({ lastSeenAt, refreshedAt }: Session) => Math.max(+lastSeenAt, +refreshedAt)
        expect(staying).toHaveLength(Math.min(live.length, maximum - 1))
        expect(Math.max(...going.map(lastUse))).toBeLessThanOrEqual(Math.min(...staying.map(lastUse)))
      }),
    )
  })
})

describe('a session id', () => {
  test('a session id is a UUID in lower case with hyphens', () => {
    const id = '019a0000-0000-7abc-8000-00000000ffff'
    expect(parseSessionId(id)).toBe(id)
  })

  test.each([
    '',
    '019A0000-0000-7ABC-8000-00000000FFFF',
    '019a000000007abc800000000000ffff',
    '{019a0000-0000-7abc-8000-00000000ffff}',
    '019a0000-0000-7abc-8000-00000000fff',
    '019a0000-0000-7abc-8000-00000000fffff',
    '019a0000-0000-7abc-8000-00000000ffff\n',
    ' 019a0000-0000-7abc-8000-00000000ffff',
    '019a0000-0000-7abc-8000-00000000fffg',
    "019a0000-0000-7abc-8000-00000000ffff' or 1=1",
    '__proto__',
  ])('%j is not a session id', (text) => {
    expect(parseSessionId(text)).toBeUndefined()
  })
})

describe('a generation', () => {
  test.each([0, 1, 2 ** 31 - 1])('%d is a valid generation', (value) => {
    expect(parseGeneration(value)).toBe(value)
  })

  test.each([
    -1,
    0.5,
    2 ** 31,
    2 ** 53,
    1e300,
    NaN,
    Infinity,
    '1',
    '',
    null,
    undefined,
    true,
    [],
    [1],
    {},
    1n,
  ])('a value that is not a 31-bit integer is not a generation (%#)', (value) => {
    expect(parseGeneration(value)).toBeUndefined()
  })
})
