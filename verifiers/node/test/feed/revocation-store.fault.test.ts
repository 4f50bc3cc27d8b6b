import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RevokedSessions } from '../src/revoked-sessions.ts'

const now = Date.UTC(2026, 10, 23)
const end = (sid: string, forMs = 600_000, reason = 'terminated') => ({
  seq: 1,
  sid,
  userId: 7,
  reason,
  expiresAtMs: now + forMs,
})

describe('the set of ended sessions', () => {
  it('tells a new one once, and its first reason ever after', () => {
    const revoked = new RevokedSessions()
    expect(revoked.add(end('a'), now)).toBe(true)
    expect(revoked.add(end('a', 600_000, 'signed_out'), now)).toBe(false)
    expect(revoked.add(end('a', 900_000, 'signed_out'), now)).toBe(false)
    expect(revoked.reasonOf('a')).toBe('terminated')
    expect(revoked.reasonOf('b')).toBeUndefined()
    expect(revoked.size).toBe(1)
  })

  it('keeps an id until its last expiry has passed, and at most a minute longer', () => {
    const revoked = new RevokedSessions()
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

  it('forgets in steps', () => {
    const revoked = new RevokedSessions()
    for (let index = 0; index < 25_000; index += 1) revoked.add(end(randomUUID()), now)
    const sizes = [0, 1, 2, 3].map(() => {
      revoked.forget(now + 700_000)
      return revoked.size
    })
    expect(sizes).toEqual([15_000, 5_000, 0, 0])
  })

  it('says up to where it may have forgotten, should time be set back', () => {
    const revoked = new RevokedSessions()
    revoked.add(end('a'), now)
    expect(revoked.forgottenUpTo).toBe(-Infinity)
    revoked.forget(now + 700_000)
    expect(revoked.forgottenUpTo).toBeGreaterThan(now + 600_000)
    const late = new RevokedSessions()
    expect(late.add(end('b', -120_000), now)).toBe(false)
    expect(late.forgottenUpTo).toBeGreaterThan(now - 120_000)
    expect(late.size).toBe(0)
  })

  it('copes with more reasons than there are', () => {
    const revoked = new RevokedSessions()
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

    it('end no session, and are told once, and again when more of them are', () => {
      const revoked = new RevokedSessions()
      expect(revoked.add(outdated('a', 3), now)).toBe(true)
      expect(revoked.add(outdated('a', 3), now)).toBe(false)
      expect(revoked.add(outdated('a', 2, 900_000), now)).toBe(false)
      expect(revoked.add(outdated('a', 4), now)).toBe(true)
      expect(revoked.outdatedTokensOf('a')).toMatchObject({ upToGeneration: 4, place: 2 })
      expect(revoked.outdatedTokensOf('b')).toBeUndefined()
      expect([revoked.size, revoked.outdatedCount, revoked.lastPlace]).toEqual([0, 1, 2])
      expect(revoked.reasonOf('a')).toBeUndefined()
    })

    it('are told again when they are outdated once more and nobody has refreshed since', () => {
      const revoked = new RevokedSessions()
      const told = [4, 6, 4, 6, 5].map((seq) => revoked.add({ ...outdated('a', 3), seq }, now))
      expect(told).toEqual([true, true, false, false, false])
      expect(revoked.outdatedTokensOf('a')).toMatchObject({ upToGeneration: 3, place: 2 })
    })

    it('of generation 0 are some', () => {
      const revoked = new RevokedSessions()
      expect(revoked.add(outdated('a', 0), now)).toBe(true)
      expect(revoked.outdatedTokensOf('a')?.upToGeneration).toBe(0)
    })

    it('neither hide an end nor are hidden by it', () => {
      for (const order of [
        [end('a'), outdated('a', 3)],
        [outdated('a', 3), end('a')],
      ]) {
        const revoked = new RevokedSessions()
        expect(order.map((each) => revoked.add(each, now))).toEqual([true, true])
        expect([revoked.reasonOf('a'), revoked.outdatedTokensOf('a')?.upToGeneration]).toEqual([
          'terminated',
          3,
        ])
      }
    })

    it('are kept until the last of them has expired, and each by itself', () => {
      const revoked = new RevokedSessions()
      revoked.add(outdated('a', 3, 600_000), now)
      revoked.add(outdated('a', 4, 120_000), now)
      revoked.add(end('a', 120_000), now)
      revoked.forget(now + 180_000)
      expect([revoked.has('a'), revoked.outdatedTokensOf('a')?.upToGeneration]).toEqual([false, 4])
      revoked.forget(now + 660_000)
      expect([revoked.size, revoked.outdatedCount]).toEqual([0, 0])
      expect(revoked.forgottenUpTo).toBeGreaterThan(now + 600_000)
    })
  })

  it('never lets a token be good again, in whatever order things are told and however time is set', () => {
    const revocation = fc.record({
      sid: fc.constantFrom('a', 'b', 'c'),
      forMs: fc.integer({ min: -3_600_000, max: 3_600_000 }),
    })
    const time = fc.integer({ min: -3_600_000, max: 7_200_000 })
    fc.assert(
      fc.property(fc.array(fc.tuple(revocation, time), { maxLength: 30 }), time, (told, last) => {
        const revoked = new RevokedSessions()
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

  it('never lets an outdated token be good again either, and refuses none that is newer', () => {
    const row = fc.record({
      sid: fc.constantFrom('a', 'b'),
      upToGeneration: fc.integer({ min: 0, max: 5 }),
      forMs: fc.integer({ min: -3_600_000, max: 3_600_000 }),
    })
    const time = fc.integer({ min: -3_600_000, max: 7_200_000 })
    fc.assert(
      fc.property(fc.array(fc.tuple(row, time), { maxLength: 30 }), time, (told, last) => {
        const revoked = new RevokedSessions()
        for (const [{ sid, upToGeneration, forMs }, at] of told) {
          revoked.add({ ...end(sid, forMs), upToGeneration }, now + at)
          revoked.forget(now + at)
        }
        for (const [{ sid, upToGeneration, forMs }] of told) {
          const exp = now + forMs
          const upTo = revoked.outdatedTokensOf(sid)?.upToGeneration ?? -1
          expect(now + last >= exp || exp <= revoked.forgottenUpTo || upToGeneration <= upTo).toBe(true)
        }
        for (const sid of ['a', 'b']) {
          const most = Math.max(
            -1,
            ...told.flatMap(([each]) => (each.sid === sid ? [each.upToGeneration] : [])),
          )
          expect(revoked.outdatedTokensOf(sid)?.upToGeneration ?? -1).toBeLessThanOrEqual(most)
          expect(revoked.has(sid)).toBe(false)
        }
      }),
    )
  })
})
