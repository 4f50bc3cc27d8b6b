import type pg from 'pg'
import type { Pooling } from './examine-pooler.ts'
import { UnsuitableDatabase } from './unsuitable-database.ts'

/** The settings of a connection that the code relies on, as PostgreSQL writes their values. */
export type Settings = Readonly<Record<string, string>>

/** PostgreSQL reports changes of these, so a pooler keeps them for each client in every mode. */
const kept: Settings = {
  client_encoding: 'UTF8',
  datestyle: 'ISO, MDY',
  timezone: 'UTC',
  standard_conforming_strings: 'on',
}
/** Single statements run under the default. Under a stricter one they fail whenever two of them meet. */
const isolation: Settings = { default_transaction_isolation: 'read committed' }

export const requestDeadlines: Settings = {
  statement_timeout: '3s',
  lock_timeout: '3s',
  idle_in_transaction_session_timeout: '6s',
}
/** Overrides the limits of the role. */
export const noDeadlines: Settings = {
  statement_timeout: '0',
  lock_timeout: '0',
  idle_in_transaction_session_timeout: '0',
  transaction_timeout: '0',
}

export interface ConnectionForm {
  readonly pooling: Pooling
  /** Holds the tables. A later change of `search_path` must not lead to others. */
  readonly schema: string | undefined
}

const DEADLINE_MS = 3_000

/**
 * Sets what the code relies on, whatever the server, the database and the role have as defaults: by statements, because
 * poolers refuse or drop start-up parameters. A pooler in transaction mode does not keep all of them: it has to set those
 * itself, and they are only compared.
 */
export async function prepareSession(
  client: pg.ClientBase,
  form: ConnectionForm,
  deadlines: Settings,
): Promise<void> {
  const own = { ...isolation, ...deadlines }
  if (form.pooling === 'transaction') {
    await setAll(client, kept)
    await compare(client, own, form.schema)
  } else {
    const path = form.schema === undefined ? {} : { search_path: quoted(form.schema) }
    await setAll(client, { ...kept, ...own, ...path })
  }
}

/** In one round trip. Settings that this version of PostgreSQL does not have are left out. */
async function setAll(client: pg.ClientBase, settings: Settings): Promise<void> {
  await client.query(
    limited(
      `select set_config(name, value, false) from unnest($1::text[], $2::text[]) as wanted(name, value)
       where current_setting(name, true) is not null`,
      settings,
    ),
  )
}

async function compare(client: pg.ClientBase, settings: Settings, schema: string | undefined): Promise<void> {
  const { rows } = await client.query<{ name: string; found: string; schema: string | null }>(
    limited(
      `select name, current_setting(name) as found, current_schema() as schema
       from unnest($1::text[], $2::text[]) as wanted(name, value)`,
      settings,
    ),
  )
  const wrong = rows.filter(({ name, found }) => found !== settings[name])
  if (wrong.length > 0) {
    const found = wrong
      .map((row) => `${row.name} is ${row.found}, not ${settings[row.name] ?? ''}`)
      .join('; ')
    throw new UnsuitableDatabase(
      `Through the pooler at DATABASE_URL, ${found}. In transaction mode the pooler must set this on its own connections: use connect_query as in deploy/pgbouncer/pgbouncer.ini, or pool_mode = session.`,
    )
  }
  if (schema !== undefined && rows[0]?.schema !== schema) {
    throw new UnsuitableDatabase(
      `Through the pooler at DATABASE_URL, search_path leads to the schema ${rows[0]?.schema ?? '(none)'}, but the tables are in ${schema}. Set the same search_path for both.`,
    )
  }
}

const limited = (text: string, settings: Settings) => ({
  text,
  values: [Object.keys(settings), Object.values(settings)],
  query_timeout: DEADLINE_MS,
})

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`
