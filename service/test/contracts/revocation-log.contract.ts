import { expect, test } from 'vitest'
import type { LoggedRevocation, RevocationLog } from '../../src/application/ports/revocation-log.ts'
import type { Revocation } from '../../src/domain/revocation.ts'
import { END_REASONS } from '../../src/domain/session.ts'
import type { UserId } from '../../src/domain/user.ts'
import { at, sessionId } from '../support/builders.ts'
import { describeContract } from './describe-contract.ts'

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

/** A page without what is drawn at random. */
async function pageAfter(log: RevocationLog, seq: number) {
  const { rows, lastSeq, coveredFrom } = await log.readAfter(seq)
  return { rows: unmarked(rows), lastSeq, coveredFrom }
}

/** Rows without their marks. */
export const unmarked = (rows: readonly LoggedRevocation[]) =>
  rows.map((row) => ({ ...row, mark: undefined }))

export const revocationLogContract = describeContract('RevocationLog', (opened: OpenedLog) => {
  test('an empty revocation log is covered from its start', async () => {
    expect(await opened.log.number()).toBe(false)
    expect(await pageAfter(opened.log, 0)).toEqual({ rows: [], lastSeq: 0, coveredFrom: 0 })
  })

  test('a committed revocation has no seq until it is numbered', async () => {
    await opened.commit(aRevocation(1))
    expect(await pageAfter(opened.log, 0)).toEqual({ rows: [], lastSeq: 0, coveredFrom: 0 })
    await opened.log.number()
    expect(await pageAfter(opened.log, 0)).toEqual({
      rows: [{ ...aRevocation(1), seq: 1 }],
      lastSeq: 1,
      coveredFrom: 0,
    })
  })

  test.each(END_REASONS)('a revocation with the reason %s is read as it was written', async (reason) => {
    const written = aRevocation(1, {
      reason,
      userId: 9_007_199_254_740_991 as UserId,
      expiresAt: at(0.123),
    })
    await opened.commit(written)
    await opened.log.number()
    expect(unmarked(await readAll(opened.log))).toEqual([{ ...written, seq: 1 }])
  })

  test('a session can have several revocations: tokens outdated more than once, then its end', async () => {
    const rows = [0, 7, 2 ** 31 - 1].map((upToGeneration) =>
      aRevocation(1, { reason: 'roles_changed', upToGeneration }),
    )
    await opened.commit(...rows, aRevocation(1))
    await opened.log.number()
    const read = await readAll(opened.log)
    expect(unmarked(read)).toEqual([...rows, aRevocation(1)].map((row, at) => ({ ...row, seq: at + 1 })))
    await opened.removeExpired(at(99))
    expect(await readAll(opened.log)).toEqual([])
  })

  test('the seq is 1, 2, 3 …, each given once, however often revocations are numbered', async () => {
    for (let round = 0; round < 3; round += 1) {
      await opened.commit(aRevocation(2 * round + 1), aRevocation(2 * round + 2))
      await opened.log.number()
      await opened.log.number()
    }
    const rows = await readAll(opened.log)
    expect(rows.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6])
    expect(rows.map((row) => row.sessionId).sort()).toEqual([1, 2, 3, 4, 5, 6].map(sessionId))
  })

  test('a seq never changes when later revocations are numbered', async () => {
    await opened.commit(aRevocation(5), aRevocation(3))
    await opened.log.number()
    const before = await readAll(opened.log)
    await opened.commit(aRevocation(1))
    await opened.log.number()
    expect((await readAll(opened.log)).slice(0, 2)).toEqual(before)
  })

  test('only revocations after the given seq are read', async () => {
    await opened.commit(...[1, 2, 3, 4, 5].map((number) => aRevocation(number)))
    await opened.log.number()
    expect((await readAll(opened.log, 3)).map(({ seq }) => seq)).toEqual([4, 5])
    expect(await pageAfter(opened.log, 5)).toEqual({ rows: [], lastSeq: 5, coveredFrom: 0 })
    expect((await opened.log.readAfter(99)).lastSeq).toBe(5)
  })

  test('the revocation log reports from where it is complete after its front was removed', async () => {
    await opened.commit(...[1, 2, 3, 4].map((number) => aRevocation(number)))
    await opened.log.number()
    const [first, second] = await readAll(opened.log)
    await opened.removeExpired(second?.expiresAt ?? at(0))
    expect(first?.seq).toBe(1)
    const { coveredFrom, rows } = await opened.log.readAfter(2)
    expect([coveredFrom, rows.map(({ seq }) => seq)]).toEqual([2, [3, 4]])
  })

  test('a revocation log whose rows were all removed is covered from its end, and continues there', async () => {
    await opened.commit(aRevocation(1), aRevocation(2))
    await opened.log.number()
    await opened.removeExpired(at(99))
    expect(await pageAfter(opened.log, 0)).toEqual({ rows: [], lastSeq: 2, coveredFrom: 2 })
    await opened.commit(aRevocation(3))
    await opened.log.number()
    expect(await pageAfter(opened.log, 2)).toEqual({
      rows: [{ ...aRevocation(3), seq: 3 }],
      lastSeq: 3,
      coveredFrom: 2,
    })
  })

  test('a revocation that expires later keeps those behind it, so that there are no gaps', async () => {
    await opened.commit(aRevocation(1, { expiresAt: at(50) }))
    await opened.log.number()
    await opened.commit(aRevocation(2))
    await opened.log.number()
    await opened.removeExpired(at(10))
    expect((await readAll(opened.log)).map(({ seq }) => seq)).toEqual([1, 2])
  })

  test('a row keeps its mark, and each numbering draws another one', async () => {
    await opened.commit(aRevocation(1))
    await opened.log.number()
    await opened.commit(aRevocation(2))
    await opened.log.number()
    const [first, second] = await readAll(opened.log)
    expect(first?.mark).toBeGreaterThan(0)
    expect(second?.mark).not.toBe(first?.mark)
    expect((await opened.log.readAfter(1)).mark).toBe(first?.mark)
    expect((await opened.log.readAfter(2)).mark).toBe(second?.mark)
  })

  test('a row that was removed, or never was, has no mark', async () => {
    await opened.commit(aRevocation(1))
    await opened.log.number()
    await opened.removeExpired(at(99))
    expect((await opened.log.readAfter(1)).mark).toBeUndefined()
    expect((await opened.log.readAfter(0)).mark).toBeUndefined()
  })

  test('the log keeps its identity until it is renewed, and one renewal is enough', async () => {
    const { log } = await opened.log.readAfter(0)
    await opened.commit(aRevocation(1))
    await opened.log.number()
    expect((await opened.log.readAfter(0)).log).toBe(log)
    await opened.log.renew(log)
    const { log: renewed } = await opened.log.readAfter(1)
    expect(renewed).not.toBe(log)
    await opened.log.renew(log)
    expect((await opened.log.readAfter(1)).log).toBe(renewed)
  })
})
