import { sql } from 'kysely'
import type { Announced } from '../../application/ports/deliveries.ts'
import type { Actor } from '../../domain/actor.ts'
import type { UserId } from '../../domain/user.ts'
import type { Database } from './database.ts'
import { enqueue } from './delivery-queues.ts'
import { EVENT_VERSION } from './postgres-outbox.ts'
import { recordChanges } from './record-changes.ts'

interface Batch {
  readonly after: UserId | undefined
  readonly limit: number
  readonly by: Actor
  readonly now: Date
}

/** As `Deliveries.announce`. */
export function announceUsers(
  db: Database,
  consumer: string,
  { after, limit, by, now }: Batch,
): Promise<Announced> {
  return db.transaction().execute(async (trx) => {
    const { rows } = await sql<{ id: number; isWaiting: boolean }>`
      select id, exists (
        select from deliveries where consumer = ${consumer} and user_id = users.id and dead_at is null
      ) as "isWaiting"
      from users where id > ${after ?? 0} and deleted_at is null order by id limit ${limit}`.execute(trx)
    const ids = rows.filter(({ isWaiting }) => !isWaiting).map(({ id }) => id)
    await addAnnouncements(trx, consumer, ids, { by, now })
    await recordAnnouncement(trx, consumer, ids.length, { by, now })
    return { count: ids.length, next: rows.length < limit ? undefined : (rows.at(-1)?.id as UserId) }
  })
}

/**
 * Adds the deliveries of users as they are now. The events count as dispatched, so that no other consumer gets them.
 */
export async function addAnnouncements(
  trx: Database,
  consumer: string,
  ids: readonly number[],
  { by, now }: Pick<Batch, 'by' | 'now'>,
): Promise<void> {
  if (ids.length === 0) return
  await enqueue(
    trx,
    ids.map((user_id) => ({ consumer, user_id })),
    now,
  )
  await sql`
    with added as (
      insert into outbox (event_id, type, version, actor, user_id, occurred_at, data, is_dispatched)
      select gen_random_uuid(), 'user.updated', ${EVENT_VERSION}::int, ${by}::text, id, ${now}::timestamptz,
        jsonb_build_object('username', username, 'changed', '[]'::jsonb), true
      from users where id = any(${ids}) order by id
      returning id, user_id
    )
    insert into deliveries (consumer, user_id, outbox_id, created_at)
    select ${consumer}, user_id, id, ${now}::timestamptz from added order by id`.execute(trx)
}

async function recordAnnouncement(
  trx: Database,
  consumer: string,
  count: number,
  { by, now }: Pick<Batch, 'by' | 'now'>,
): Promise<void> {
  const data = sql`jsonb_build_object('consumer', consumer, 'count', count)`
  await sql`
    with changed as (select ${consumer}::text as consumer, ${count}::int as count where ${count}::int > 0)
    ${recordChanges(by, 'users.announced', now, data)}`.execute(trx)
}
