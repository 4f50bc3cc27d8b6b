import { sql } from 'kysely'
import type { Database } from './database.ts'

/** Keys of the advisory locks this service takes, in one place so that no two of them are equal by accident. */
const keys = {
  migrations: 7_224_560_001,
  signingKeys: 7_224_560_002,
  dispatch: 7_224_560_003,
} as const

/** Waits until no other transaction holds the lock, and holds it until this transaction ends. */
export async function takeAdvisoryLock(trx: Database, lock: keyof typeof keys): Promise<void> {
  await sql`select pg_advisory_xact_lock(${sql.lit(keys[lock])})`.execute(trx)
}
