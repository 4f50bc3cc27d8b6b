import { sql, type QueryExecutorProvider, type RawBuilder } from 'kysely'
import type { FoundUser, UserSearch } from '../../application/ports/users.ts'
import { MATCHES, type Match, type SearchCursor } from '../../domain/user-search.ts'
import type { UserId } from '../../domain/user.ts'
import type { Database } from './database.ts'
import { toUser } from './rows.ts'
import type { UserRow } from './schema.ts'

// The endings of every username key are in `username_endings` in byte order. So matches are ranges of its primary key, read
// from where the last page ended. No patterns are used, so no character needs escaping. A name that contains the fragment
// more than once has several matching endings. The first of them is the one whose `repeated` is less than the fragment's
// length.

/** The value of `repeated` for an ending that is the whole name. */
const WHOLE_NAME = -1

/** Appended to a prefix, it sorts behind everything that starts with that prefix. */
const LAST_CHARACTER = '\u{10FFFF}'

/** The matches after the given position, best first. */
export async function searchUsers(db: Database, search: UserSearch): Promise<readonly FoundUser[]> {
  const found: FoundUser[] = []
  for (const match of MATCHES.slice(MATCHES.indexOf(search.after?.match ?? 'exact'))) {
    if (found.length === search.limit) break
    const after = search.after?.match === match ? search.after : undefined
    found.push(...(await searchOneKind(db, { ...search, after, limit: search.limit - found.length }, match)))
  }
  return found
}

async function searchOneKind(db: Database, search: UserSearch, match: Match): Promise<FoundUser[]> {
  const query = sql<UserRow & { id: number; ending: string }>`
    select * from (${sql.join(rangesOf(search, match), sql` union all `)}) as matches
    order by ending, id limit ${search.limit}`
  const { rows } = await query.execute(db)
  return rows.map((row) => ({ user: toUser(row), cursor: cursorOf(match, row) }))
}

/** Each range has its own limit. Planned as one, they would be read completely and sorted. */
function rangesOf({ fragment, after, limit, except, withDisabled, now }: UserSearch, match: Match) {
  const repeated = match === 'inside' ? Array.from(fragment, (_, count) => count) : [WHOLE_NAME]
  return repeated.map(
    (count) => sql`(
      select users.*, ending from username_endings join users on users.id = user_id
      where repeated = ${count} and ${beginsAs(match, fragment)}
        and ${after === undefined ? sql`true` : sql`(ending, user_id) > (${after.ending}, ${after.userId})`}
        and users.id is distinct from ${except ?? null}::bigint
        and ${withDisabled ? sql`true` : sql`(disabled_at is null or disabled_until <= ${now})`}
      order by ending, user_id limit ${limit})`,
  )
}

function beginsAs(match: Match, fragment: string): RawBuilder<boolean> {
  if (match === 'exact') return sql`ending = ${fragment}`
  const begins = match === 'inside' ? sql`ending >= ${fragment}` : sql`ending > ${fragment}`
  return sql`${begins} and ending < ${fragment + LAST_CHARACTER}`
}

const cursorOf = (match: Match, { ending, id }: { ending: string; id: number }): SearchCursor => ({
  match,
  ending,
  userId: id as UserId,
})

/** Makes the names of these users, as they are in `users`, searchable. */
export async function addEndings(db: QueryExecutorProvider, ids: readonly number[]): Promise<void> {
  await sql`
    insert into username_endings (user_id, ending, repeated)
    select id, substr(username_key, at), case when at = 1 then ${sql.lit(WHOLE_NAME)} else
      (select count(*) from generate_series(1, length(username_key) - at + 1) as count
        where strpos(username_key, substr(username_key, at, count)) < at) end
    from users, generate_series(1, length(username_key)) as at
    where id = any(${ids}::bigint[])`.execute(db)
}
