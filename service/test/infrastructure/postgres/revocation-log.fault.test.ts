import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { removeOldRevocations } from '../../../src/infrastructure/postgres/clean-up.ts'
import { connectWithoutDeadlines } from '../../../src/infrastructure/postgres/connect.ts'
import { openDatabase, type Database } from '../../../src/infrastructure/postgres/database.ts'
import { PostgresRevocationLog } from '../../../src/infrastructure/postgres/postgres-revocation-log.ts'
import { inTransaction } from '../../contracts/store.ts'
import {
  aRevocation,
  readAll,
  revocationLogContract,
  unmarked,
  type OpenedLog,
} from '../../contracts/revocation-log.contract.ts'
import { at, sessionId } from '../../support/builders.ts'
import { recordFault } from '../../support/fault-report.ts'
import { waitingForLocks } from '../../support/lock-waits.ts'
import { openEmbedded, openOnServer, type PostgresStore } from './open-store.ts'

const clear = async ({ db }: Pick<PostgresStore, 'db'>): Promise<void> => {
  await db.deleteFrom('revocations').execute()
  await db.updateTable('revocation_log').set({ last_seq: 0 }).execute()
}

const opened = (store: PostgresStore): OpenedLog => ({
  log: new PostgresRevocationLog(store.db),
  commit: async (...revocations) => {
    for (const revocation of revocations) await inTransaction(store, (tx) => tx.revocations.add([revocation]))
  },
  removeExpired: async (now) => {
    await removeOldRevocations(store.db, now, 100)
  },
  clear: () => clear(store),
  close: () => store.close(),
})

revocationLogContract('PGlite', async () => opened(await openEmbedded()))
revocationLogContract('PostgreSQL', async () => opened(await openOnServer()))

describe('commits out of order', () => {
  let store: Awaited<ReturnType<typeof openOnServer>>

  beforeAll(async () => {
    store = await openOnServer()
    await sql`create table plain_sequence (id bigserial primary key, number integer)`.execute(store.db)
  })
  beforeEach(() => clear(store))
  afterAll(() => store.close())

  /** Transaction 1 writes and stays open, 2 writes and commits, the reader polls, 1 commits, the reader polls again. */
  async function pollBetweenCommits<Row>(
    write: (number: number, mayCommit: Promise<unknown>, written: () => void) => Promise<unknown>,
    poll: () => Promise<Row[]>,
  ): Promise<Row[]> {
    const mayCommit = Promise.withResolvers<undefined>()
    const written = Promise.withResolvers<undefined>()
    const first = write(1, mayCommit.promise, () => written.resolve(undefined))
    await written.promise
    await write(2, Promise.resolve(), () => undefined)
    const early = await poll()
    mayCommit.resolve(undefined)
    await first
    return [...early, ...(await poll())]
  }

  test('commits out of order make a reader of a plain sequence miss a row', async () => {
    let last = 0
    const seen = await pollBetweenCommits(
      (number, mayCommit, written) =>
        store.db.transaction().execute(async (trx) => {
          await sql`insert into plain_sequence (number) values (${number})`.execute(trx)
          written()
          await mayCommit
        }),
      async () => {
        const { rows } = await sql<{ id: number; number: number }>`
          select id, number from plain_sequence where id > ${last} order by id`.execute(store.db)
        last = rows.at(-1)?.id ?? last
        return rows.map(({ number }) => number)
      },
    )
    expect(seen).toEqual([2])
  })

  test('commits out of order do not make a reader of the revocation log miss a row', async () => {
    const result = recordFault('out-of-order commit in the revocation log')
    const log = new PostgresRevocationLog(store.db)
    let last = 0
    const seen = await pollBetweenCommits(
      (number, mayCommit, written) =>
        inTransaction(store, async (tx) => {
          await tx.revocations.add([aRevocation(number)])
          written()
          await mayCommit
        }),
      async () => {
        await log.number()
        const rows = await readAll(log, last)
        last = rows.at(-1)?.seq ?? last
        return rows
      },
    )
    Object.assign(result, { rounds: 1, injected: 1, acknowledged: 2, lost: 2 - seen.length })
    expect(unmarked(seen)).toEqual([
      { ...aRevocation(2), seq: 1 },
      { ...aRevocation(1), seq: 2 },
    ])
  })

  test('with many writers and readers in parallel, every reader sees the same log without gaps', async () => {
    const result = recordFault('out-of-order commit in the revocation log')
    const logs = Array.from({ length: 4 }, () => new PostgresRevocationLog(store.db))
    const count = 120
    let committed = 0
    const writers = Array.from({ length: 6 }, async (_, writer) => {
      for (let at = 0; at < count / 6; at += 1) {
        await inTransaction(store, async (tx) => {
          await tx.revocations.add([aRevocation(1 + writer + 6 * at)])
          // Each writer keeps its transaction open for another time.
          await sql`select pg_sleep(${((writer * 7 + at * 3) % 5) / 1000})`.execute(store.db)
        })
        committed += 1
      }
    })
    const readers = logs.map(async (log) => {
      const seen: { seq: number; sessionId: string }[] = []
      for (let isLast = false; !isLast;) {
        isLast = committed === count
        await log.number()
        seen.push(...(await readAll(log, seen.at(-1)?.seq ?? 0)))
      }
      return seen
    })
    await Promise.all(writers)
    const [first = [], ...others] = await Promise.all(readers)
    const shortest = Math.min(first.length, ...others.map((seen) => seen.length))
    Object.assign(result, { rounds: 1, injected: count, acknowledged: committed, lost: count - shortest })
    expect(first.map(({ seq }) => seq)).toEqual(Array.from({ length: count }, (_, at) => at + 1))
    expect(new Set(first.map((row) => row.sessionId))).toEqual(
      new Set(Array.from({ length: count }, (_, at) => sessionId(at + 1))),
    )
    for (const other of others) expect(other).toEqual(first)
  })

  test('a clean-up of revocations waits for the one before it, so that no reader sees a gap', async () => {
    const log = new PostgresRevocationLog(store.db)
    await inTransaction(store, (tx) =>
      tx.revocations.add(Array.from({ length: 40 }, (_, at) => aRevocation(at + 1))),
    )
    await log.number()
    const removed = await store.db.transaction().execute(async (trx) => {
      await removeOldRevocations(trx, at(30), 10)
      const second = removeOldRevocations(store.db, at(30), 10)
      await Promise.race([second, waitingForLocks(store.url, 1)])
      const { coveredFrom, rows } = await log.readAfter(0)
      expect([coveredFrom, rows.map(({ seq }) => seq)]).toEqual([0, consecutive(1, 40)])
      return { second }
    })
    await removed.second
    const { coveredFrom, rows } = await log.readAfter(0)
    expect(rows.map(({ seq }) => seq)).toEqual(consecutive(coveredFrom + 1, 40))
  })
})

describe('numbering', () => {
  let store: Awaited<ReturnType<typeof openOnServer>>

  /** For statements of the test itself: with many rows and on a busy machine, they take long. */
  let patient: Database

  beforeAll(async () => {
    store = await openOnServer()
    patient = openDatabase(connectWithoutDeadlines(store.url))
  })
  beforeEach(() => clear({ db: patient }))
  afterAll(async () => {
    await patient.destroy()
    await store.close()
  })

  const fill = (count: number) =>
    sql`insert into revocations (session_id, user_id, reason, expires_at)
      select gen_random_uuid(), 1, 'signed_out', now() + interval '1 hour'
      from generate_series(1, ${count}::int)`.execute(patient)

  test(
    'a batch is numbered in one round trip, so a client that hangs holds nothing',
    { tags: ['FEED-2'] },
    async () => {
      const statements: string[] = []
      const db = openDatabase(store.pool, ({ query }) => statements.push(query.sql))
      await fill(2_500)
      await new PostgresRevocationLog(db).number()
      // Whether any row waits, and the batch.
      expect(statements).toHaveLength(2)
    },
  )

  test(
    '150,000 rows without a number are numbered in batches',
    { timeout: 180_000, tags: ['FEED-2'] },
    async () => {
      await fill(150_000)
      const log = new PostgresRevocationLog(store.db)
      let batches = 1
      while (await log.number()) batches += 1
      expect(batches).toBeGreaterThan(100)
      const { rows } = await sql<{ count: number; last: number; log: number }>`
      select count(distinct seq), max(seq) as last, (select last_seq from revocation_log) as log
      from revocations`.execute(patient)
      expect(rows).toEqual([{ count: 150_000, last: 150_000, log: 150_000 }])
    },
  )

  test(
    'numbering gives up a lock by itself, on a connection without deadlines',
    { tags: ['FEED-2'] },
    async () => {
      const db = openDatabase(connectWithoutDeadlines(store.url))
      await fill(1)
      await store.db.transaction().execute(async (trx) => {
        await sql`select from revocation_log for update`.execute(trx)
        await expect(new PostgresRevocationLog(db).number()).rejects.toMatchObject({ code: 'unavailable' })
      })
      await new PostgresRevocationLog(db).number()
      const { lastSeq } = await new PostgresRevocationLog(db).readAfter(0)
      expect(lastSeq).toBe(1)
      await db.destroy()
    },
  )
})

const consecutive = (first: number, last: number): number[] =>
  Array.from({ length: last - first + 1 }, (_, at) => first + at)
