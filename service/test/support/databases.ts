// Every database the service promises to run on, for `describe.each(databases)`.
import { PGlite } from '@electric-sql/pglite'
import { createPgConfig } from '@electric-sql/pglite/node-postgres'
import { dataDir as readyMadeDatabase } from '@electric-sql/pglite-prepopulatedfs'
import pg from 'pg'
import { recordEmbeddedDatabase } from './opened-databases.ts'
import { createTestDatabase } from './test-database.ts'

export type OpenDatabase = { pool: pg.Pool; close: () => Promise<void> }

const openEmbedded = async (): Promise<OpenDatabase> => {
  const pglite = await PGlite.create({ loadDataDir: await readyMadeDatabase() })
  // All connections share the one session of PGlite. So the pool has one connection and keeps it when idle.
  const pool = new pg.Pool(Object.assign(createPgConfig(pglite), { max: 1, idleTimeoutMillis: 0 }))
  pool.query = keepingTheConnection(pool)
  const { rows } = await pool.query<{ server_version: string }>('show server_version')
  recordEmbeddedDatabase(rows[0]?.server_version)
  return {
    pool,
    close: async () => {
      await pool.end()
      await pglite.close()
    },
  }
}

/**
 * The pool's own `query` replaces its connection after an error. In PGlite's one session the new one then
 * reads the old one's responses: statements fail without cause, or succeed with wrong rows.
 */
const keepingTheConnection = (pool: pg.Pool): pg.Pool['query'] =>
  (async (...query: [pg.QueryConfig]) => {
    const client = await pool.connect()
    try {
      return await client.query(...query)
    } finally {
      client.release()
    }
  }) as pg.Pool['query']

const openOnServer = async (): Promise<OpenDatabase> => {
  const database = await createTestDatabase()
  const pool = new pg.Pool({ connectionString: database.url })
  return {
    pool,
    close: async () => {
      await pool.end()
      await database.drop()
    },
  }
}

/** `open` creates an empty database; `close` removes it. */
export const databases: { name: string; open: () => Promise<OpenDatabase> }[] = [
  { name: 'PGlite', open: openEmbedded },
  { name: 'PostgreSQL', open: openOnServer },
]
