import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { RevocationStore } from '../../src/feed/revocation-store.ts'
import { outdatedBy, outdatedUpTo } from '../support/feed-script.ts'

const now = Date.UTC(2026, 10, 23)
const end = (sid: string, forMs = 600_000, reason = 'terminated') => ({
  seq: 1,
  sid,
  userId: 7,
  reason,
  expiresAtMs: now + forMs,
})

describe('the set of ended sessions', () => {
  test('an ended session is reported once and keeps its first reason', () => {
    const revoked = new RevocationStore()
    expect(revoked.add(end('a'), now)).toBe(true)
    expect(revoked.add(end('a', 600_000, 'signed_out'), now)).toBe(false)
    expect(revoked.add(end('a', 900_000, 'signed_out'), now)).toBe(false)
    expect(revoked.reasonOf('a')).toBe('terminated')
    expect(revoked.reasonOf('b')).toBeUndefined()
    expect(revoked.size).toBe(1)
  })

  test('an ended session is kept until its last expiry, and at most a minute longer', () => {
    const revoked = new RevocationStore()
    revoked.add(end('a', 120_000), now)
    revoked.add(end('a', 600_000), now)
    revoked.add(end('a', 60_000), now)
    for (const forMs of [60_000, 180_000, 600_000]) {
      revoked.forget(now + forMs)
      expect(revoked.has('a')).toBe(true)
    }
    revoked.forget(now + 660_000)
    expect(revoked.size).toBe(0)
  })

  test('expired ends are removed in steps', () => {
    const revoked = new RevocationStore()
    for (let index = 0; index < 25_000; index += 1) revoked.add(end(randomUUID()), now)
    const sizes = [0, 1, 2, 3].map(() => {
      revoked.forget(now + 700_000)
      return revoked.size
    })
    expect(sizes).toEqual([15_000, 5_000, 0, 0])
  })

  test('the revocation store reports the latest expiry it removed, for clocks set back', () => {
    const revoked = new RevocationStore()
    revoked.add(end('a'), now)
    expect(revoked.forgottenUpTo).toBe(-Infinity)
    revoked.forget(now + 700_000)
    expect(revoked.forgottenUpTo).toBeGreaterThan(now + 600_000)
    const late = new RevocationStore()
    expect(late.add(end('b', -120_000), now)).toBe(false)
    expect(late.forgottenUpTo).toBeGreaterThan(now - 120_000)
    expect(late.size).toBe(0)
  })

  test('the revocation store accepts more reasons than are defined', () => {
    const revoked = new RevocationStore()
    for (let index = 0; index < 100; index += 1)
      revoked.add(end(`sid-${index}`, 600_000, `reason-${index}`), now)
    expect(revoked.reasonOf('sid-0')).toBe('reason-0')
    expect(revoked.reasonOf('sid-99')).toBe('ended')
  })

  describe('tokens outdated up to a generation', () => {
    const outdated = (sid: string, upToGeneration: number, forMs = 600_000) => ({
      ...end(sid, forMs, 'roles_changed'),
      upToGeneration,
    })

    test('outdated tokens do not end the session and are reported once per change', () => {
      const revoked = new RevocationStore()
      expect(revoked.add(outdated('a', 3), now)).toBe(true)
      expect(revoked.add(outdated('a', 3), now)).toBe(false)
      expect(revoked.add(outdated('a', 2, 900_000), now)).toBe(false)
      expect(revoked.add(outdated('a', 4), now)).toBe(true)
      expect([outdatedUpTo(revoked, 'a'), outdatedBy(revoked, 'a', 4)]).toEqual([4, 2])
      expect(outdatedUpTo(revoked, 'b')).toBe(-1)
      expect([revoked.size, revoked.outdatedCount, revoked.revision]).toEqual([0, 1, 2])
      expect(revoked.reasonOf('a')).toBeUndefined()
    })

    test('tokens outdated twice without a refresh between are reported twice', () => {
      const revoked = new RevocationStore()
      const told = [4, 6, 4, 6, 5].map((seq) => revoked.add({ ...outdated('a', 3), seq }, now))
      expect(told).toEqual([true, true, false, false, false])
      expect([outdatedUpTo(revoked, 'a'), outdatedBy(revoked, 'a', 3)]).toEqual([3, 2])
    })

    test('tokens of generation 0 can be outdated', () => {
      const revoked = new RevocationStore()
      expect(revoked.add(outdated('a', 0), now)).toBe(true)
      expect(outdatedUpTo(revoked, 'a')).toBe(0)
    })

    test('outdated tokens and the end of the same session are both known', () => {
      for (const order of [
        [end('a'), outdated('a', 3)],
        [outdated('a', 3), end('a')],
      ]) {
        const revoked = new RevocationStore()
        expect(order.map((each) => revoked.add(each, now))).toEqual([true, true])
        expect([revoked.reasonOf('a'), outdatedUpTo(revoked, 'a')]).toEqual(['terminated', 3])
      }
    })

    test('outdated tokens are kept until the last of them has expired, each separately', () => {
      const revoked = new RevocationStore()
      revoked.add(outdated('a', 3, 600_000), now)
      revoked.add(outdated('a', 4, 120_000), now)
      revoked.add(end('a', 120_000), now)
      revoked.forget(now + 180_000)
      expect([revoked.has('a'), outdatedUpTo(revoked, 'a')]).toEqual([false, 4])
      revoked.forget(now + 660_000)
      expect([revoked.size, revoked.outdatedCount]).toEqual([0, 0])
      expect(revoked.forgottenUpTo).toBeGreaterThan(now + 600_000)
    })
  })

  test('a refused token stays refused in any order of revocations and with any change of time', () => {
    const revocation = fc.record({
      sid: fc.constantFrom('a', 'b', 'c'),
      forMs: fc.integer({ min: -3_600_000, max: 3_600_000 }),
    })
    const time = fc.integer({ min: -3_600_000, max: 7_200_000 })
    fc.assert(
      fc.property(fc.array(fc.tuple(revocation, time), { maxLength: 30 }), time, (told, last) => {
        const revoked = new RevocationStore()
        for (const [{ sid, forMs }, at] of told) {
          revoked.add(end(sid, forMs), now + at)
          revoked.forget(now + at)
        }
        for (const [{ sid, forMs }] of told) {
          // The token of that session which lives longest.
          const exp = now + forMs
          const isRefused = now + last >= exp || exp <= revoked.forgottenUpTo || revoked.has(sid)
          expect(isRefused).toBe(true)
        }
      }),
    )
  })

  test('an outdated token stays refused in any order, and no newer token is refused', () => {
    const row = fc.record({
      sid: fc.constantFrom('a', 'b'),
      upToGeneration: fc.integer({ min: 0, max: 5 }),
      forMs: fc.integer({ min: -3_600_000, max: 3_600_000 }),
    })
    const time = fc.integer({ min: -3_600_000, max: 7_200_000 })
    fc.assert(
      fc.property(fc.array(fc.tuple(row, time), { maxLength: 30 }), time, (told, last) => {
        const revoked = new RevocationStore()
        for (const [{ sid, upToGeneration, forMs }, at] of told) {
          revoked.add({ ...end(sid, forMs), upToGeneration }, now + at)
          revoked.forget(now + at)
        }
        for (const [{ sid, upToGeneration, forMs }] of told) {
          const exp = now + forMs
          const upTo = outdatedUpTo(revoked, sid)
          expect(now + last >= exp || exp <= revoked.forgottenUpTo || upToGeneration <= upTo).toBe(true)
        }
        for (const sid of ['a', 'b']) {
          const most = Math.max(
            -1,
            ...told.flatMap(([each]) => (each.sid === sid ? [each.upToGeneration] : [])),
          )
          expect(outdatedUpTo(revoked, sid)).toBeLessThanOrEqual(most)
          expect(revoked.has(sid)).toBe(false)
        }
      }),
    )
  })
})
