import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  displacedBy,
  endReasonOf,
  endSession,
  END_REASONS,
  hasRunOut,
  isLive,
  isSignedInRecently,
  parseGeneration,
  parseSessionId,
  runsOutAt,
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
  test('is of generation 0, which nobody has confirmed to be lost or used', () => {
    expect(started(30, 60)).toEqual({
      id: sessionId(7),
      userId: 9,
      generation: 0,
      confirmedGeneration: 0,
      createdAt: noon,
      refreshedAt: noon,
      lastSeenAt: noon,
      idleExpiresAt: at(30),
      expiresAt: at(60),
      endedAt: undefined,
      endReason: undefined,
      device: aDevice(),
      authTime: noon,
      amr: ['pwd', 'otp'],
      roles: ['moderator'],
    })
  })

  test('may not rest past its absolute limit', () => {
    expect(started(60, 30)).toMatchObject({ idleExpiresAt: at(30), expiresAt: at(30) })
  })
})

describe('a session', () => {
  test.each([
    { idle: 30, absolute: 60 },
    { idle: 60, absolute: 30 },
  ])(
    'runs out at the earlier of its limits, to the millisecond: $idle s idle, $absolute s in all',
    ({ idle, absolute }) => {
      const session = aSession({ idleExpiresAt: at(idle), expiresAt: at(absolute) })
      expect(runsOutAt(session)).toEqual(at(30))
      expect(hasRunOut(session, at(29.999))).toBe(false)
      expect(isLive(session, at(29.999))).toBe(true)
      expect(hasRunOut(session, at(30))).toBe(true)
      expect(isLive(session, at(30))).toBe(false)
    },
  )

  test('that ended is not live, however much of its time is left', () => {
    const ended = endSession(aSession(), 'signed_out', at(5))
    expect(isLive(ended, at(5))).toBe(false)
    expect(isLive(ended, noon)).toBe(false)
    expect(hasRunOut(ended, at(5))).toBe(false)
  })

  test('that ends keeps everything but its end', () => {
    const session = aSession({ generation: 3 })
    expect(endSession(session, 'terminated', at(5))).toEqual({
      ...session,
      endedAt: at(5),
      endReason: 'terminated',
    })
    expect(session.endedAt).toBeUndefined()
  })

  test('ends once: later ends change neither its reason nor its time', () => {
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

  test('that has run out ends as expired, whatever it is ended for', () => {
    expect(endSession(aSession(), 'terminated', at(30 * DAY - 1)).endReason).toBe('terminated')
    expect(endSession(aSession(), 'terminated', at(30 * DAY)).endReason).toBe('expired')
  })

  test('that is over has the reason it ended for, or ran out', () => {
    expect(endReasonOf(endSession(aSession(), 'displaced', at(5)))).toBe('displaced')
    expect(endReasonOf(aSession())).toBe('expired')
  })
})

test('a sign-in is recent for five minutes, however often the session is refreshed', () => {
  const session = aSession({ generation: 3, refreshedAt: at(299) })
  expect(isSignedInRecently(session, at(299))).toBe(true)
  expect(isSignedInRecently(session, at(300))).toBe(false)
})

describe('making room for another session', () => {
  const used = (number: number, lastSeen: number, refreshed: number): Session =>
    aSession({ id: sessionId(number), lastSeenAt: at(lastSeen), refreshedAt: at(refreshed) })
  const displaced = (live: readonly Session[], maximum: number): number[] =>
    displacedBy(live, maximum).map(({ id }) => Number.parseInt(id.slice(-4), 16))

  test('displaces nobody while there is room for one more', () => {
    expect(displaced([], 1)).toEqual([])
    expect(displaced([used(1, 0, 0), used(2, 0, 0)], 3)).toEqual([])
  })

  test('displaces the longest unused one, where being seen and being refreshed both are use', () => {
    const live = [used(1, 10, 40), used(2, 30, 0), used(3, 35, 5)]
    expect(displaced(live, 3)).toEqual([2])
    expect(displaced(live.toReversed(), 3)).toEqual([2])
  })

  test('displaces several, longest unused first, after the maximum was lowered', () => {
    expect(displaced([used(1, 10, 40), used(2, 30, 0), used(3, 35, 5), used(4, 1, 1)], 2)).toEqual([4, 2, 3])
    expect(displaced([used(1, 10, 40), used(2, 30, 0)], 1)).toEqual([2, 1])
  })

  test('leaves room for exactly one more, and nobody that goes was used later than one that stays', () => {
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
  test('is a UUID in its one spelling', () => {
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
  ])('is not %j', (text) => {
    expect(parseSessionId(text)).toBeUndefined()
  })
})

describe('a generation', () => {
  test.each([0, 1, 2 ** 31 - 1])('can be %d', (value) => {
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
  ])('is never an odd value (%#)', (value) => {
    expect(parseGeneration(value)).toBeUndefined()
  })
})
