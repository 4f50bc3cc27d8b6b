import { Kysely, PostgresDialect } from 'kysely'
import type pg from 'pg'
import { GuardedPool } from './guarded-pool.ts'
import type { Schema } from './schema.ts'

export type Database = Kysely<Schema>

/** Kysely over a pool, be it of PostgreSQL or of the embedded database. */
export const openDatabase = (pool: pg.Pool): Database =>
  new Kysely<Schema>({ dialect: new PostgresDialect({ pool: new GuardedPool(pool) }) })
