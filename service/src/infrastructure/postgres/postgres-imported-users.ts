import { sql, type Kysely, type Transaction } from 'kysely'
import type { ImportedUsers, ImportTransaction } from '../../application/ports/imported-users.ts'
import { SYSTEM } from '../../domain/actor.ts'
import { looksOf } from '../../domain/skeleton.ts'
import type { UserId } from '../../domain/user.ts'
import { addAnnouncements } from './announce-users.ts'
import type { Database } from './database.ts'
import { readHoldings } from './import-holdings.ts'
import { recordChanges } from './record-changes.ts'
import { fromUser } from './rows.ts'
import type { Schema, UserRow } from './schema.ts'
import { isConflict, serverError } from './unavailable.ts'
import { addEndings } from './user-search.ts'

/** Far more than the registrations of the same moment can cause. */
const ATTEMPTS = 10
const UNIQUE_VIOLATION = '23505'

/** Everywhere else the database gives the ids, and the type of the schema enforces that. */
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
        const isRace = isConflict(error) || serverError(error)?.code === UNIQUE_VIOLATION
        if (!isRace || attempt === ATTEMPTS) throw error
      }
    }
  }
}

const inTransaction = (db: Transaction<WithGivenIds>): ImportTransaction => ({
  holdings: (claims) => readHoldings(db, claims),
  addAll: async (users, now) => {
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
    await recordImport(db, ids, now)
  },
  announce: (consumer, ids, now) =>
    addAnnouncements(db as unknown as Database, consumer, ids, { by: SYSTEM, now }),
})

async function recordImport(db: Transaction<WithGivenIds>, ids: readonly UserId[], now: Date): Promise<void> {
  const data = sql`jsonb_build_object('count', count, 'first_id', first_id, 'last_id', last_id)`
  await sql`
    with changed as (
      select count(*) as count, min(id) as first_id, max(id) as last_id from unnest(${ids}::bigint[]) as id
    ) ${recordChanges(SYSTEM, 'users.imported', now, data)}`.execute(db)
}
