import { sql } from 'kysely'
import type { Database } from './database.ts'
import { onlyRow } from './affected-rows.ts'
import { UnsuitableDatabase } from './unsuitable-database.ts'

/** Returns the schema that holds the tables or will. Throws UnsuitableDatabase if the database cannot hold every name. */
export async function refuseUnsuitable(db: Database): Promise<string> {
  const { rows } = await sql<{ name: string; encoding: string; schema: string | null }>`
    select current_database() as name, current_setting('server_encoding') as encoding, current_schema() as schema`.execute(
    db,
  )
  const { name, encoding, schema } = onlyRow(rows)
  if (encoding !== 'UTF8') {
    throw new UnsuitableDatabase(
      `The encoding of the database "${name}" is ${encoding}, which cannot hold every name. Create another one with: CREATE DATABASE chat_auth_utf8 ENCODING 'UTF8' LOCALE 'C' TEMPLATE template0`,
    )
  }
  if (schema === null) {
    throw new UnsuitableDatabase(
      `search_path names no schema of the database "${name}" that exists. Create the schema, or set search_path for the role.`,
    )
  }
  return schema
}

/** Throws UnsuitableDatabase unless both connections lead to the same database. */
export async function refuseAnother(pooled: Database, direct: Database): Promise<void> {
  const [theirs, ours] = await Promise.all([identityOf(pooled), identityOf(direct)])
  if (theirs === ours) return
  throw new UnsuitableDatabase(
    'DATABASE_URL and DATABASE_DIRECT_URL lead to different databases. Set both to the same one: the first through the pooler, the second without it.',
  )
}

async function identityOf(db: Database): Promise<string> {
  const { rows } = await sql<{ identity: string }>`
    select system_identifier || ' ' || oid as identity
    from pg_control_system(), pg_database where datname = current_database()`.execute(db)
  return onlyRow(rows).identity
}
