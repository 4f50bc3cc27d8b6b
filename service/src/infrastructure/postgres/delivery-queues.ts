import { sql } from 'kysely'
import type { ClaimedDelivery } from '../../application/ports/deliveries.ts'
import type { Database } from './database.ts'

interface QueueKey {
  readonly consumer: string
  readonly user_id: number
}

/**
 * Makes sure that there is a queue for each of them; new ones are due. Holds them until the transaction ends, so that
 * nobody removes one as empty before its delivery can be seen.
 */
export async function enqueue(trx: Database, keys: readonly QueueKey[], now: Date): Promise<void> {
  await sql`
    insert into delivery_queues (consumer, user_id, due_at)
    select consumer, user_id, ${now}::timestamptz
    from unnest(${keys.map(({ consumer }) => consumer)}::text[], ${keys.map((key) => key.user_id)}::bigint[])
      as wanted (consumer, user_id)
    group by consumer, user_id
    order by consumer, user_id
    on conflict (consumer, user_id) do update set due_at = delivery_queues.due_at`.execute(trx)
}

/** Dead ones wait again, and are due; answers how many were still dead. */
export async function bringBack(trx: Database, ids: readonly number[], now: Date): Promise<number> {
  if (ids.length === 0) return 0
  const keys = await trx
    .selectFrom('deliveries')
    .select(['consumer', 'user_id'])
    .where('id', 'in', ids)
    .where('dead_at', 'is not', null)
    .execute()
  if (keys.length === 0) return 0
  await enqueue(trx, keys, now)
  // One that somebody works at keeps its claim; the one brought back is the first in its queue after that.
  await sql`
    update delivery_queues set due_at = least(due_at, ${now}) from deliveries
    where delivery_queues.consumer = deliveries.consumer and delivery_queues.user_id = deliveries.user_id
      and deliveries.id = any(${ids}) and claim is null`.execute(trx)
  const query = trx
    .updateTable('deliveries')
    .set({ dead_at: null, attempts: 0 })
    .where('id', 'in', ids)
    .where('dead_at', 'is not', null)
  return Number((await query.executeTakeFirstOrThrow()).numUpdatedRows)
}

interface Finished {
  /** The claim ends by it. */
  readonly isOver: boolean
  /** Those that a delivery less refers to. */
  readonly events: readonly number[]
}

/** Holds the delivery's queue while `work` writes what became of it, then lets the person's next be claimed. */
export async function finish(
  db: Database,
  { consumer, event, claim }: ClaimedDelivery,
  now: Date,
  work: (trx: Database, isOurs: boolean) => Promise<Finished>,
): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const queue = trx
      .selectFrom('delivery_queues')
      .select('claim')
      .where('consumer', '=', consumer)
      .where('user_id', '=', event.userId)
      .forUpdate()
    const isOurs = (await queue.executeTakeFirst())?.claim === claim
    const { isOver, events } = await work(trx, isOurs)
    if (isOurs && isOver) {
      const due = trx.updateTable('delivery_queues').set({ due_at: now, claim: null })
      await due.where('consumer', '=', consumer).where('user_id', '=', event.userId).execute()
      await removeEmpty(trx, consumer, [event.userId])
    }
    await removeEventsDone(trx, events)
  })
}

/** Those of the queues that nothing waits in go. The caller holds them. */
export async function removeEmpty(trx: Database, consumer: string, people: readonly number[]): Promise<void> {
  await sql`
    delete from delivery_queues as queue where consumer = ${consumer} and user_id = any(${people})
      and not exists (
        select from deliveries where consumer = queue.consumer and user_id = queue.user_id and dead_at is null
      )`.execute(trx)
}

/** Removes those of the events that no delivery refers to any more. Of two that finish its last ones, the later removes it. */
export async function removeEventsDone(trx: Database, ids: readonly number[]): Promise<void> {
  if (ids.length === 0) return
  await trx.selectFrom('outbox').select('id').where('id', 'in', ids).orderBy('id').forUpdate().execute()
  await sql`
    delete from outbox where id = any(${ids})
      and not exists (select from deliveries where outbox_id = outbox.id)`.execute(trx)
}
