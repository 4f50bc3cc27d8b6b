// A database of the older service, as an import finds it.
import { pbkdf2Sync, randomBytes } from 'node:crypto'
import pg from 'pg'
import { createTestDatabase } from './test-database.ts'

export interface OldRow {
  readonly id: number | null
  readonly username: string | null
  readonly email: string | null
  readonly password: string | null
  readonly avatar_url: string | null
}

export interface OldDatabase {
  readonly url: string
  /** Queries block on rows after this id until `release` is called on the result. */
  holdAfter(id: number): Promise<{ release: () => Promise<void> }>
  /** Ends the connections of the import. */
  cutOff(): Promise<void>
  add(rows: readonly OldRow[]): Promise<void>
  drop(): Promise<void>
}

/** A hash in the format of passlib: base64 with `.` for `+` and no padding. */
export function passlibHash(password: string, rounds = 29_000): string {
  const salt = randomBytes(16)
  const hash = pbkdf2Sync(password, salt, rounds, 32, 'sha256')
  return `$pbkdf2-sha256$${rounds}$${adaptedBase64(salt)}$${adaptedBase64(hash)}`
}

const adaptedBase64 = (bytes: Buffer): string =>
  bytes.toString('base64').replaceAll('+', '.').replaceAll('=', '')

const sharedHash = passlibHash('the password they all have', 1)

/** The row of the user with this id. No two user names look alike. */
export function oldRow(id: number, changes: Partial<OldRow> = {}): OldRow {
  const digits = (Math.imul(id, 2_654_435_761) >>> 0).toString(16).padStart(8, '0')
  const username = `p${Array.from(digits, (digit) => 'abcdefghjkpqrstu'[Number.parseInt(digit, 16)]).join('')}`
  return {
    id,
    username,
    email: `${username}@example.org`,
    password: sharedHash,
    avatar_url: null,
    ...changes,
  }
}

export const oldRows = (from: number, to: number): OldRow[] =>
  Array.from({ length: to - from + 1 }, (_, index) => oldRow(from + index))

/** The id column has no unique constraint, as in databases that have been migrated many times. */
const tables = `
  create table old_users (id int, username varchar, password varchar, email varchar, avatar_url varchar);
  create index old_users_id on old_users (id);
  create table gate (after int not null);
  create function passing(id int, username varchar) returns varchar language plpgsql stable as $$
    begin
      if id > (select after from gate) then perform pg_advisory_xact_lock_shared(1); end if;
      return username;
    end $$;
  create view users as select id, passing(id, username) as username, password, email, avatar_url from old_users;
  create table sessions (id int)`

export async function createOldDatabase(rows: readonly OldRow[]): Promise<OldDatabase> {
  const { url, drop } = await createTestDatabase()
  const query = async (text: string, values?: unknown[]): Promise<void> => {
    const client = new pg.Client(url)
    await client.connect()
    await client.query(text, values).finally(() => client.end())
  }
  const add = (added: readonly OldRow[]) =>
    query('insert into old_users select * from json_populate_recordset(null::old_users, $1)', [
      JSON.stringify(added),
    ])
  await query(tables)
  await add(rows)
  return {
    url,
    add,
    cutOff: () =>
      query(
        `select pg_terminate_backend(pid) from pg_stat_activity
         where datname = current_database() and application_name = 'chat-auth import'`,
      ),
    drop,
    holdAfter: async (id) => {
      await query('insert into gate values ($1)', [id])
      const holder = new pg.Client(url)
      // Dropping the database also ends this connection.
      holder.on('error', () => undefined)
      await holder.connect()
      await holder.query('select pg_advisory_lock(1)')
      return {
        release: async () => {
          await holder.end()
          await query('delete from gate')
        },
      }
    },
  }
}
