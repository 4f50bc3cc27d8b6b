import { sql, type Kysely, type Transaction } from 'kysely'
import type {
  Claims,
  Holdings,
  ImportedUsers,
  ImportTransaction,
} from '../../application/ports/imported-users.ts'
import { looksOf } from '../../domain/skeleton.ts'
import type { UserId } from '../../domain/user.ts'
import type { Database } from './database.ts'
import { fromUser } from './rows.ts'
import type { Schema, UserRow } from './schema.ts'
import { isConflict, serverError } from './unavailable.ts'
import { addEndings } from './user-search.ts'

/** Far more than people who register at the very moment can cause. */
const ATTEMPTS = 10
const UNIQUE_VIOLATION = '23505'

/** Everywhere else the database gives the ids, and the schema's type holds everybody to that. */
type WithGivenIds = Omit<Schema, 'users'> & { users: Omit<UserRow, 'id'> & { id: number } }

export class PostgresImportedUsers implements ImportedUsers {
  readonly #db: Kysely<WithGivenIds>

  constructor(db: Database) {
    this.#db = db
  }

  async reserveIds(upTo: UserId): Promise<void> {
    await sql`
      select setval(ids, ${upTo})
      from (select pg_get_serial_sequence('users', 'id')::regclass as ids) as sequence
      where coalesce(pg_sequence_last_value(ids), 0) < ${upTo}`.execute(this.#db)
  }

  async transaction<T>(work: (tx: ImportTransaction) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#db.transaction().execute((db) => work(inTransaction(db)))
      } catch (error) {
        const hasMetAnother = isConflict(error) || serverError(error)?.code === UNIQUE_VIOLATION
        if (!hasMetAnother || attempt === ATTEMPTS) throw error
      }
    }
  }
}

const inTransaction = (db: Transaction<WithGivenIds>): ImportTransaction => ({
  holdings: (claims) => holdingsIn(db, claims),
  addAll: async (users) => {
    const ids = users.map(({ id }) => id)
    const looks = users.flatMap(({ id, username }) =>
      looksOf(username).map((look) => ({ look, user_id: id })),
    )
    await db
      .insertInto('users')
      .values(users.map((user) => ({ ...fromUser(user), id: user.id })))
      .execute()
    await db.insertInto('username_looks').values(looks).execute()
    await addEndings(db, ids)
  },
})

async function holdingsIn(
  db: Kysely<WithGivenIds>,
  { ids, usernameKeys, looks, emailKeys }: Claims,
): Promise<Holdings> {
  const holders = await sql<{ id: UserId; username_key: string; email_key: string }>`
    select id, username_key, email_key from users
    where id = any(${ids}::bigint[]) or username_key = any(${usernameKeys}::text[]) or email_key = any(${emailKeys}::text[])
  `.execute(db)
  const owned = await sql<{ look: string; user_id: UserId }>`
    select look, user_id from username_looks where look = any(${looks}::text[])`.execute(db)
  const held = await sql<{ name: string }>`
    select name from unnest(${[...usernameKeys, ...looks]}::text[]) as name
    join released_names on hash = sha256(convert_to(name, 'UTF8'))`.execute(db)
  return {
    holders: holders.rows.map(({ id, username_key, email_key }) => ({
      id,
      usernameKey: username_key,
      emailKey: email_key,
    })),
    looks: new Map(owned.rows.map(({ look, user_id }) => [look, user_id])),
    heldNames: new Set(held.rows.map(({ name }) => name)),
  }
}
