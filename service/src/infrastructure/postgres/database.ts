import { Kysely, type LogEvent } from 'kysely'
import type pg from 'pg'
import { GuardedDialect } from './guarded-driver.ts'
import type { Schema } from './schema.ts'

export type Database = Kysely<Schema>

/** Is called for every statement when it is over. It must not keep the values. */
export type StatementObserver = (event: LogEvent) => void

/** Kysely over a pool, of PostgreSQL or of the embedded database. */
export const openDatabase = (pool: pg.Pool, observe?: StatementObserver): Database =>
  new Kysely<Schema>({
    dialect: new GuardedDialect(pool),
    ...(observe !== undefined && { log: observe }),
  })
