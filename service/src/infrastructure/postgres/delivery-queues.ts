import { sql } from 'kysely'
import type { ClaimedDelivery } from '../../application/ports/deliveries.ts'
import type { Database } from './database.ts'

interface QueueKey {
  readonly consumer: string
  readonly user_id: number
}

/**
 * Makes sure that each of these queues exists. New ones are due. Holds all of them until the transaction ends, so that no
 * other transaction removes one as empty before its delivery can be seen.
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

interface Finished {
  /** The claim ends. */
  readonly isOver: boolean
  /** The events of the removed deliveries. */
  readonly events: readonly number[]
}

/** Holds the delivery's queue while `work` writes the result. Then the user's next delivery may be claimed. */
export async function finishDelivery(
  db: Database,
  { consumer, event: { userId }, claim }: ClaimedDelivery,
  now: Date,
  work: (trx: Database, isOurs: boolean) => Promise<Finished>,
): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const { rows } = await sql<{ claim: string | null }>`
      select claim from delivery_queues where consumer = ${consumer} and user_id = ${userId} for update`.execute(
      trx,
    )
    const isOurs = rows[0]?.claim === claim
    const { isOver, events } = await work(trx, isOurs)
    if (isOurs && isOver) {
      await sql`
        update delivery_queues set due_at = ${now}, claim = null
        where consumer = ${consumer} and user_id = ${userId}`.execute(trx)
      await removeEmpty(trx, consumer, [userId])
    }
    await removeEventsDone(trx, events)
  })
}

/** Removes the given queues that have no delivery. The caller has locked them. */
export async function removeEmpty(
  trx: Database,
  consumer: string,
  userIds: readonly number[],
): Promise<void> {
  await sql`
    delete from delivery_queues as queue where consumer = ${consumer} and user_id = any(${userIds})
      and not exists (
        select from deliveries where consumer = queue.consumer and user_id = queue.user_id and dead_at is null
      )`.execute(trx)
}

/**
 * Removes the given events that have no delivery left. If two transactions finish the last two deliveries of an event,
 * the later one removes it.
 */
export async function removeEventsDone(trx: Database, ids: readonly number[]): Promise<void> {
  if (ids.length === 0) return
  await sql`select from outbox where id = any(${ids}) order by id for update`.execute(trx)
  await sql`
    delete from outbox where id = any(${ids})
      and not exists (select from deliveries where outbox_id = outbox.id)`.execute(trx)
}
