import { sql, type QueryExecutorProvider } from 'kysely'
import { looksOf } from '../../domain/skeleton.ts'

/** One statement for each batch must end within the statement timeout of a request. */
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
export async function recomputeLooks(db: QueryExecutorProvider): Promise<void> {
  for (let last = 0; ;) {
    const { rows } = await sql<Named>`
      select id, username, array(select look from username_looks where user_id = id) as looks
      from users where id > ${last} and deleted_at is null and username ~ '[^ -~]' order by id limit ${BATCH}`.execute(
      db,
    )
    const changed = rows.flatMap(({ id, username, looks }) => {
      const today = looksOf({ text: username })
      return JSON.stringify(today) === JSON.stringify(looks.toSorted()) ? [] : [{ id, looks: today }]
    })
    if (changed.length > 0) await replaceLooks(db, changed)
    const next = rows.at(-1)?.id
    if (next === undefined) break
    last = next
  }
  await giveFreeLooks(db)
}

async function replaceLooks(
  db: QueryExecutorProvider,
  changed: readonly Pick<Named, 'id' | 'looks'>[],
): Promise<void> {
  const ids = changed.map(({ id }) => id)
  for (const table of [sql`shared_username_looks`, sql`username_looks`]) {
    await sql`delete from ${table} where user_id = any(${ids}::bigint[])`.execute(db)
  }
  const claims = changed.flatMap(({ id, looks }) => looks.map((look) => ({ look, user_id: id })))
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
