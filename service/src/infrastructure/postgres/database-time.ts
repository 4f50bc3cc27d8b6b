import { sql } from 'kysely'
import type { Database } from './database.ts'
import { onlyRow } from './affected-rows.ts'
import { UnsuitableDatabase } from './unsuitable-database.ts'

/** Before this software existed. A machine without a battery starts in 1970 or 2000. */
const EARLIEST = Date.UTC(2026, 0)
const LATEST = Date.UTC(2100, 0)

/**
 * The time on the database's clock in milliseconds. It is read as a number, which no setting of the database changes. Throws
 * UnsuitableDatabase if it cannot be right.
 */
export async function readDatabaseTime(db: Database): Promise<number> {
  const { rows } = await sql<{
    now: number
  }>`select (extract(epoch from clock_timestamp()) * 1000)::bigint as now`.execute(db)
  const { now } = onlyRow(rows)
  if (now >= EARLIEST && now < LATEST) return now
  const shown = new Date(now).toISOString()
  throw new UnsuitableDatabase(`The clock of the database shows ${shown}. Set it right.`)
}
