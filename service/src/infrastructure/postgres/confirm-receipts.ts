import type { Receipt } from '../../application/ports/sessions.ts'
import type { Database } from './database.ts'
import { NamedStatement } from './named-statement.ts'

/**
 * Locks in the order of the key, so that two batches cannot deadlock. Returns the receipts that are above their session. After
 * a wait, PostgreSQL first checks the constraints on the row as it was before the wait: hence `least`.
 */
const CONFIRM = new NamedStatement(
  'confirm_receipts',
  `with reported as (
     select * from unnest($1::bigint[], $2::uuid[], $3::integer[], $4::timestamptz[])
       as reported (user_id, id, generation, seen_at)
   ), locked as (
     select user_id, id, generation as reached from sessions
     where (user_id, id) in (select user_id, id from reported) and ended_at is null
     order by user_id, id for no key update
   ), receipts as (
     select user_id, id, max(generation) as generation, max(seen_at) as seen_at
     from reported join locked using (user_id, id)
     where generation <= reached
     group by user_id, id
   ), written as (
     update sessions
     set confirmed_generation = greatest(confirmed_generation, least(receipts.generation, sessions.generation)),
         last_seen_at = greatest(last_seen_at, seen_at)
     from receipts
     where sessions.user_id = receipts.user_id and sessions.id = receipts.id
   )
   select id from reported join locked using (user_id, id) where generation > reached`,
)

const BATCH = 1_000

/** As `Sessions.confirm`. */
export async function confirmReceipts(db: Database, receipts: readonly Receipt[]): Promise<number> {
  let ahead = 0
  for (let start = 0; start < receipts.length; start += BATCH) {
    const batch = receipts.slice(start, start + BATCH)
    const above = await CONFIRM.execute(db, [
      batch.map(({ userId }) => userId),
      batch.map(({ sessionId }) => sessionId),
      batch.map(({ generation }) => generation),
      batch.map(({ seenAt }) => seenAt),
    ])
    ahead += above.length
  }
  return ahead
}
