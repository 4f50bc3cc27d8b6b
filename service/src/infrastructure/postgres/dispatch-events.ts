import { sql } from 'kysely'
import type { StoredEvent } from '../../application/ports/deliveries.ts'
import { takeAdvisoryLock } from './advisory-locks.ts'
import type { Database } from './database.ts'
import { enqueue } from './delivery-queues.ts'
import { toStoredEvent, type EventRow } from './rows.ts'

/** As `Deliveries.dispatch`. */
export async function dispatchEvents(
  db: Database,
  consumersOf: (event: StoredEvent) => readonly string[],
  { now, limit }: { now: Date; limit: number },
): Promise<number> {
  const { rows } = await sql`select from outbox where not is_dispatched limit 1`.execute(db)
  if (rows.length === 0) return 0
  return db.transaction().execute(async (trx) => {
    // Ids rise in the order of commits only within a user. So one instance at a time dispatches all events there are:
    // it misses none and keeps each user's order.
    await takeAdvisoryLock(trx, 'dispatch')
    const { rows: events } = await sql<EventRow & { id: number }>`
        select id, event_id, type, version, actor, user_id, occurred_at, data from outbox
        where not is_dispatched order by id limit ${limit} for update`.execute(trx)
    const dispatched = events.map((row) => ({ ...row, consumers: consumersOf(toStoredEvent(row)) }))
    await addDeliveries(trx, dispatched, now)
    const [wanted, unwanted] = [true, false].map((isWanted) =>
      dispatched.filter(({ consumers }) => consumers.length > 0 === isWanted).map(({ id }) => id),
    )
    await sql`update outbox set is_dispatched = true where id = any(${wanted})`.execute(trx)
    await sql`delete from outbox where id = any(${unwanted})`.execute(trx)
    return events.length
  })
}

/** Adds a delivery for each event and consumer of it. */
async function addDeliveries(
  trx: Database,
  events: readonly { id: number; user_id: number; consumers: readonly string[] }[],
  now: Date,
): Promise<void> {
  const deliveries = events.flatMap(({ id, user_id, consumers }) =>
    consumers.map((consumer) => ({ consumer, user_id, outbox_id: id })),
  )
  if (deliveries.length === 0) return
  await enqueue(trx, deliveries, now)
  await sql`
    insert into deliveries (consumer, user_id, outbox_id, created_at)
    select consumer, user_id, outbox_id, ${now}::timestamptz
    from unnest(
      ${deliveries.map(({ consumer }) => consumer)}::text[], ${deliveries.map((each) => each.user_id)}::bigint[],
      ${deliveries.map(({ outbox_id }) => outbox_id)}::bigint[]
    ) with ordinality as added (consumer, user_id, outbox_id, position)
    order by position`.execute(trx)
}
