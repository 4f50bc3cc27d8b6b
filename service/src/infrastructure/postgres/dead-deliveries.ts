import { sql } from 'kysely'
import type { DeliveryQuery, ListedDelivery } from '../../application/ports/deliveries.ts'
import type { UserId } from '../../domain/user.ts'
import type { Actor } from '../../domain/actor.ts'
import type { Database } from './database.ts'
import { recordChanges } from './record-changes.ts'
import { enqueue, removeEventsDone } from './delivery-queues.ts'
import { affectedRows } from './affected-rows.ts'

// The part of `Deliveries` that operators and the clean-up use.

interface ListedRow {
  readonly id: number
  readonly consumer: string
  readonly user_id: number
  readonly attempts: number
  readonly last_error: string | null
  readonly dead_at: Date | null
  readonly due_at: Date | null
  readonly event_id: string
  readonly type: string
  readonly occurred_at: Date
}

/** As `Deliveries.list`. */
export async function listDeliveries(
  db: Database,
  { state, consumer, limit, after = 0 }: DeliveryQuery,
): Promise<readonly ListedDelivery[]> {
  const { rows } = await sql<ListedRow>`
    select deliveries.id, deliveries.consumer, deliveries.user_id, deliveries.attempts, deliveries.last_error,
      deliveries.dead_at, queue.due_at, outbox.event_id, outbox.type, outbox.occurred_at
    from deliveries join outbox on outbox.id = deliveries.outbox_id
      left join delivery_queues as queue
        on queue.consumer = deliveries.consumer and queue.user_id = deliveries.user_id
    where deliveries.id > ${after}
      and ${state === 'dead' ? sql`deliveries.dead_at is not null` : sql`deliveries.dead_at is null`}
      and ${consumer === undefined ? sql`true` : sql`deliveries.consumer = ${consumer}`}
    order by deliveries.id limit ${limit}`.execute(db)
  return rows.map((row) => ({
    id: row.id,
    consumer: row.consumer,
    state,
    eventId: row.event_id,
    eventType: row.type,
    userId: row.user_id as UserId,
    occurredAt: row.occurred_at,
    attempts: row.attempts,
    lastError: row.last_error ?? undefined,
    nextAttemptAt: state === 'dead' ? undefined : (row.due_at ?? undefined),
    deadAt: row.dead_at ?? undefined,
  }))
}

/** As `Deliveries.replay`. */
export function replayDelivery(db: Database, id: number, by: Actor, now: Date): Promise<boolean> {
  return db.transaction().execute(async (trx) => {
    const { rows } = await sql<{ consumer: string; dead_at: Date | null }>`
      select consumer, dead_at from deliveries where id = ${id}`.execute(trx)
    const [known] = rows
    if (known !== undefined && known.dead_at !== null) {
      await recordReplay(trx, known.consumer, await requeueDead(trx, [id], now), by, now)
    }
    return known !== undefined
  })
}

/** As `Deliveries.replayAll`. */
export function replayDeliveries(
  db: Database,
  consumer: string,
  { by, now, limit }: { by: Actor; now: Date; limit: number },
): Promise<number> {
  return db.transaction().execute(async (trx) => {
    const { rows } = await sql<{ id: number }>`
      select id from deliveries where dead_at <= ${now} and consumer = ${consumer}
      order by id limit ${limit}`.execute(trx)
    const ids = rows.map(({ id }) => id)
    const count = await requeueDead(trx, ids, now)
    await recordReplay(trx, consumer, count, by, now)
    return count
  })
}

async function recordReplay(
  trx: Database,
  consumer: string,
  count: number,
  by: Actor,
  now: Date,
): Promise<void> {
  const data = sql`jsonb_build_object('consumer', consumer, 'count', count)`
  await sql`
    with changed as (select ${consumer}::text as consumer, ${count}::int as count where ${count}::int > 0)
    ${recordChanges(by, 'deliveries.replayed', now, data)}`.execute(trx)
}

/** As `Deliveries.removeDead`. */
export function removeDeadDeliveries(db: Database, deadBefore: Date, limit: number): Promise<number> {
  return db.transaction().execute(async (trx) => {
    const { rows } = await sql<{ outbox_id: number }>`
      delete from deliveries where id in (
        select id from deliveries where dead_at < ${deadBefore}
        order by dead_at limit ${limit} for update skip locked
      )
      returning outbox_id`.execute(trx)
    const events = rows.map(({ outbox_id }) => outbox_id)
    await removeEventsDone(trx, events)
    return rows.length
  })
}

/** Dead deliveries wait again, and are due. Returns how many were still dead. */
async function requeueDead(trx: Database, ids: readonly number[], now: Date): Promise<number> {
  const { rows: queues } = await sql<{ consumer: string; user_id: number }>`
    select consumer, user_id from deliveries where id = any(${ids}) and dead_at is not null`.execute(trx)
  if (queues.length === 0) return 0
  await enqueue(trx, queues, now)
  // A delivery in progress keeps its claim. The requeued one is the first in its queue after that.
  await sql`
    update delivery_queues set due_at = least(due_at, ${now}) from deliveries
    where delivery_queues.consumer = deliveries.consumer and delivery_queues.user_id = deliveries.user_id
      and deliveries.id = any(${ids}) and claim is null`.execute(trx)
  const requeued = sql`
    update deliveries set dead_at = null, attempts = 0 where id = any(${ids}) and dead_at is not null`
  return affectedRows(await requeued.execute(trx))
}
