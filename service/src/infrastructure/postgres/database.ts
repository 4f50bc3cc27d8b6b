import { Kysely, PostgresDialect, type LogEvent } from 'kysely'
import type pg from 'pg'
import { GuardedPool } from './guarded-pool.ts'
import type { Schema } from './schema.ts'

export type Database = Kysely<Schema>

/** Told of every statement when it is over. It must not keep the values. */
export type StatementObserver = (event: LogEvent) => void

/** Kysely over a pool, be it of PostgreSQL or of the embedded database. */
export const openDatabase = (pool: pg.Pool, observe?: StatementObserver): Database =>
  new Kysely<Schema>({
    dialect: new PostgresDialect({ pool: new GuardedPool(pool) }),
    ...(observe !== undefined && { log: observe }),
  })
