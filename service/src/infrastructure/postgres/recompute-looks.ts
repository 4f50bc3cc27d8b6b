import { sql, type Kysely, type QueryExecutorProvider } from 'kysely'
import { looksOf } from '../../domain/skeleton.ts'

/** A user of the batch who changes the name meanwhile waits for it, so it must end within the deadline of a request. */
const BATCH = 2_000

interface Named {
  readonly id: number
  readonly username: string
  readonly looks: readonly string[]
}

/**
 * Gives every user the looks of today's `looksOf`. Users with one look keep their names: the first one holds it, the others
 * are noted in `shared_username_looks`. Looks of ASCII names have never changed, so those users are not read.
 */
export async function recomputeLooks(db: Kysely<never>): Promise<void> {
  for (let last = 0; ;) {
    const users = await namedAfter(db, last)
    const ids = withOtherLooks(users).map(({ id }) => id)
    if (ids.length > 0) await db.transaction().execute((trx) => replaceLooks(trx, ids))
    const next = users.at(-1)?.id
    if (next === undefined) break
    last = next
  }
  await giveFreeLooks(db)
}

async function namedAfter(db: Kysely<never>, last: number): Promise<Named[]> {
  const { rows } = await sql<Named>`
    select id, username, array(select look from username_looks where user_id = id) as looks
    from users where id > ${last} and deleted_at is null and username ~ '[^ -~]' order by id limit ${BATCH}`.execute(
    db,
  )
  return rows
}

const withOtherLooks = (users: readonly Named[]) =>
  users.filter(
    ({ username, looks }) => JSON.stringify(looksOf({ text: username })) !== JSON.stringify(looks.toSorted()),
  )

/** Locks the users first, as a change of a name does. The names are read again under the locks. */
async function replaceLooks(db: QueryExecutorProvider, ids: readonly number[]): Promise<void> {
  const { rows: users } = await sql<Pick<Named, 'id' | 'username'>>`
    select id, username from users where id = any(${ids}::bigint[]) and deleted_at is null
    order by id for no key update`.execute(db)
  for (const table of [sql`shared_username_looks`, sql`username_looks`]) {
    await sql`delete from ${table} where user_id = any(${ids}::bigint[])`.execute(db)
  }
  const claims = users.flatMap(({ id, username }) =>
    looksOf({ text: username }).map((look) => ({ look, user_id: id })),
  )
  await sql`
    with claims as (select * from json_to_recordset(${JSON.stringify(claims)}::json) as claim (look text, user_id bigint)),
      held as (insert into username_looks select * from claims on conflict do nothing returning look, user_id)
    insert into shared_username_looks select * from claims except select * from held`.execute(db)
}

/** The holder of a shared look may have got another one in a later batch. */
async function giveFreeLooks(db: QueryExecutorProvider): Promise<void> {
  await sql`
    with held as (
      insert into username_looks select look, min(user_id) from shared_username_looks group by look
      on conflict do nothing returning look, user_id)
    delete from shared_username_looks using held
    where shared_username_looks.look = held.look and shared_username_looks.user_id = held.user_id`.execute(db)
}
