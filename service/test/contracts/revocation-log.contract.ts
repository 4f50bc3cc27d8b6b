import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { LoggedRevocation, RevocationLog } from '../../src/application/ports/revocation-log.ts'
import type { Revocation } from '../../src/domain/revocation.ts'
import { END_REASONS } from '../../src/domain/session.ts'
import type { UserId } from '../../src/domain/user.ts'
import { at, sessionId } from '../support/builders.ts'

export interface OpenedLog {
  readonly log: RevocationLog
  /** Commits revocations, one transaction each. */
  commit(...revocations: readonly Revocation[]): Promise<void>
  /** As the clean-up does: removes from the front what expired. */
  removeExpired(now: Date): Promise<void>
  clear(): Promise<void>
  close(): Promise<void>
}

export const aRevocation = (number: number, changes: Partial<Revocation> = {}): Revocation => ({
  sessionId: sessionId(number),
  userId: 42 as UserId,
  reason: 'terminated',
  upToGeneration: undefined,
  expiresAt: at(number),
  ...changes,
})

/** All rows after `seq`, read page by page as the feed does. */
export async function readAll(log: RevocationLog, seq = 0): Promise<LoggedRevocation[]> {
  const { rows, lastSeq } = await log.readAfter(seq)
  const last = rows.at(-1)?.seq
  return last === undefined || last === lastSeq ? [...rows] : [...rows, ...(await readAll(log, last))]
}

/** What every RevocationLog does. */
export const revocationLogContract = (name: string, open: () => Promise<OpenedLog>): void => {
  describe(`${name} keeps the RevocationLog contract`, () => {
    let opened: OpenedLog
    let log: RevocationLog

    beforeAll(async () => {
      opened = await open()
    })
    beforeEach(async () => {
      await opened.clear()
      log = opened.log
    })
    afterAll(() => opened.close())

    test('an empty log is covered from its beginning', async () => {
      await log.number()
      expect(await log.readAfter(0)).toEqual({ rows: [], lastSeq: 0, coveredFrom: 0 })
    })

    test('what is committed has no place until it is numbered', async () => {
      await opened.commit(aRevocation(1))
      expect(await log.readAfter(0)).toEqual({ rows: [], lastSeq: 0, coveredFrom: 0 })
      await log.number()
      expect(await log.readAfter(0)).toEqual({
        rows: [{ ...aRevocation(1), seq: 1 }],
        lastSeq: 1,
        coveredFrom: 0,
      })
    })

    test.each(END_REASONS)('a row with the reason %s comes back as it was written', async (reason) => {
      const written = aRevocation(1, {
        reason,
        userId: 9_007_199_254_740_991 as UserId,
        expiresAt: at(0.123),
      })
      await opened.commit(written)
      await log.number()
      expect(await readAll(log)).toEqual([{ ...written, seq: 1 }])
    })

    test('a session may have several rows: its tokens were outdated, more than once, before it ended', async () => {
      const rows = [0, 7, 2 ** 31 - 1].map((upToGeneration) =>
        aRevocation(1, { reason: 'roles_changed', upToGeneration }),
      )
      await opened.commit(...rows, aRevocation(1))
      await log.number()
      const read = await readAll(log)
      expect(read).toEqual([...rows, aRevocation(1)].map((row, at) => ({ ...row, seq: at + 1 })))
      await opened.removeExpired(at(99))
      expect(await readAll(log)).toEqual([])
    })

    test('places are 1, 2, 3 …, each given once, however often rows are numbered', async () => {
      for (let round = 0; round < 3; round += 1) {
        await opened.commit(aRevocation(2 * round + 1), aRevocation(2 * round + 2))
        await log.number()
        await log.number()
      }
      const rows = await readAll(log)
      expect(rows.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6])
      expect(rows.map((row) => row.sessionId).sort()).toEqual([1, 2, 3, 4, 5, 6].map(sessionId))
    })

    test('a place is for good: later rows change nothing about earlier ones', async () => {
      await opened.commit(aRevocation(5), aRevocation(3))
      await log.number()
      const before = await readAll(log)
      await opened.commit(aRevocation(1))
      await log.number()
      expect((await readAll(log)).slice(0, 2)).toEqual(before)
    })

    test('only what comes after the asked place is read', async () => {
      await opened.commit(...[1, 2, 3, 4, 5].map((number) => aRevocation(number)))
      await log.number()
      expect((await readAll(log, 3)).map(({ seq }) => seq)).toEqual([4, 5])
      expect(await log.readAfter(5)).toEqual({ rows: [], lastSeq: 5, coveredFrom: 0 })
      expect((await log.readAfter(99)).lastSeq).toBe(5)
    })

    test('the log says from where it is whole after its front was removed', async () => {
      await opened.commit(...[1, 2, 3, 4].map((number) => aRevocation(number)))
      await log.number()
      const [first, second] = await readAll(log)
      await opened.removeExpired(second?.expiresAt ?? at(0))
      expect(first?.seq).toBe(1)
      const { coveredFrom, rows } = await log.readAfter(2)
      expect([coveredFrom, rows.map(({ seq }) => seq)]).toEqual([2, [3, 4]])
    })

    test('a log of which everything was removed is covered from its end, and goes on from there', async () => {
      await opened.commit(aRevocation(1), aRevocation(2))
      await log.number()
      await opened.removeExpired(at(99))
      expect(await log.readAfter(0)).toEqual({ rows: [], lastSeq: 2, coveredFrom: 2 })
      await opened.commit(aRevocation(3))
      await log.number()
      expect(await log.readAfter(2)).toEqual({
        rows: [{ ...aRevocation(3), seq: 3 }],
        lastSeq: 3,
        coveredFrom: 2,
      })
    })

    test('a row that expires later than those behind it keeps them, so that there are no gaps', async () => {
      await opened.commit(aRevocation(1, { expiresAt: at(50) }))
      await log.number()
      await opened.commit(aRevocation(2))
      await log.number()
      await opened.removeExpired(at(10))
      expect((await readAll(log)).map(({ seq }) => seq)).toEqual([1, 2])
    })
  })
}
