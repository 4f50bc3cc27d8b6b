import { sql } from 'kysely'
import { v7 as uuidv7 } from 'uuid'
import type {
  ClaimedDelivery,
  Deliveries,
  DeliveryQuery,
  ListedDelivery,
  StoredEvent,
} from '../../application/ports/deliveries.ts'
import type { UserId } from '../../domain/user.ts'
import { advisoryLocks } from './advisory-locks.ts'
import type { Database } from './database.ts'
import { bringBack, enqueue, finish, removeEmpty, removeEventsDone } from './delivery-queues.ts'

interface EventRow {
  readonly event_id: string
  readonly type: string
  readonly version: number
  readonly user_id: number
  readonly occurred_at: Date
  readonly data: object
}

/**
 * Locks are taken in one order: the queue of a consumer and person, its deliveries, their events. Each step after a lock is
 * a statement of its own, so that it sees what whoever held the lock before has left.
 */
export class PostgresDeliveries implements Deliveries {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  async dispatch(
    consumersOf: (event: StoredEvent) => readonly string[],
    { now, limit }: { now: Date; limit: number },
  ): Promise<number> {
    const { rows } = await sql`select from outbox where not is_dispatched limit 1`.execute(this.#db)
    if (rows.length === 0) return 0
    return this.#db.transaction().execute(async (trx) => {
      // Ids rise in the order of commits for each person only: whoever takes all there are, alone, misses none and
      // gives no event of a person a place before an earlier one.
      await sql`select pg_advisory_xact_lock(${sql.lit(advisoryLocks.dispatch)})`.execute(trx)
      const waiting = trx.selectFrom('outbox').selectAll().where('is_dispatched', '=', false)
      const events = await waiting.orderBy('id').limit(limit).forUpdate().execute()
      const wanted = events.map((row) => ({ row, consumers: consumersOf(toEvent(row)) }))
      const deliveries = wanted.flatMap(({ row, consumers }) =>
        consumers.map((consumer) => ({ consumer, user_id: row.user_id, outbox_id: row.id, created_at: now })),
      )
      if (deliveries.length > 0) {
        await enqueue(trx, deliveries, now)
        await trx.insertInto('deliveries').values(deliveries).execute()
      }
      const [forSomebody, forNobody] = [true, false].map((isWanted) =>
        wanted.filter(({ consumers }) => consumers.length > 0 === isWanted).map(({ row }) => row.id),
      )
      await sql`update outbox set is_dispatched = true where id = any(${forSomebody})`.execute(trx)
      await sql`delete from outbox where id = any(${forNobody})`.execute(trx)
      return events.length
    })
  }

  async claim(
    consumer: string,
    { now, limit, seconds }: { now: Date; limit: number; seconds: number },
  ): Promise<readonly ClaimedDelivery[]> {
    const isDue = this.#db
      .selectFrom('delivery_queues')
      .select('user_id')
      .where('consumer', '=', consumer)
      .where('due_at', '<=', now)
    if ((await isDue.limit(1).execute()).length === 0) return []
    const claim = uuidv7()
    return this.#db.transaction().execute(async (trx) => {
      const { rows: claimed } = await sql<{ user_id: number }>`
        with due as (
          select user_id from delivery_queues where consumer = ${consumer} and due_at <= ${now}
          order by due_at limit ${limit} for update skip locked
        )
        update delivery_queues set due_at = ${new Date(+now + seconds * 1000)}, claim = ${claim}
        from due where delivery_queues.consumer = ${consumer} and delivery_queues.user_id = due.user_id
        returning delivery_queues.user_id`.execute(trx)
      const { rows } = await sql<EventRow & { id: number; attempts: number }>`
        with first as (
          select (
            select id from deliveries
            where consumer = ${consumer} and user_id = queue.user_id and dead_at is null
            order by outbox_id limit 1
          ) as id
          from delivery_queues as queue where consumer = ${consumer} and claim = ${claim}
        ), attempted as (
          update deliveries set attempts = attempts + 1 from first where deliveries.id = first.id
          returning deliveries.id, deliveries.attempts, deliveries.outbox_id
        )
        select attempted.id, attempted.attempts, outbox.event_id, outbox.type, outbox.version, outbox.user_id,
          outbox.occurred_at, outbox.data
        from attempted join outbox on outbox.id = attempted.outbox_id`.execute(trx)
      // Left by somebody who delivered its last event after losing the claim.
      const people = claimed.map(({ user_id }) => user_id)
      if (rows.length < people.length) await removeEmpty(trx, consumer, people)
      return rows.map((row) => ({
        ...{ id: row.id, consumer, claim, attempts: row.attempts },
        event: toEvent(row),
      }))
    })
  }

  complete(delivery: ClaimedDelivery, now: Date): Promise<void> {
    return finish(this.#db, delivery, now, async (trx) => {
      const query = trx.deleteFrom('deliveries').where('id', '=', delivery.id).returning('outbox_id')
      const events = (await query.execute()).map(({ outbox_id }) => outbox_id)
      return { isOver: true, events }
    })
  }

  giveUp(delivery: ClaimedDelivery, { now, error }: { now: Date; error: string }): Promise<void> {
    return finish(this.#db, delivery, now, async (trx, isOurs) => {
      if (!isOurs) return { isOver: false, events: [] }
      const dead = { dead_at: now, last_error: error }
      await trx.updateTable('deliveries').set(dead).where('id', '=', delivery.id).execute()
      return { isOver: true, events: [] }
    })
  }

  async postpone(
    { id, consumer, event, claim }: ClaimedDelivery,
    { until, error }: { until: Date; error: string },
  ): Promise<void> {
    await sql`
      with queue as (
        update delivery_queues set due_at = ${until}, claim = null
        where consumer = ${consumer} and user_id = ${event.userId} and claim = ${claim}
        returning user_id
      )
      update deliveries set last_error = ${error} where id = ${id} and exists (select from queue)`.execute(
      this.#db,
    )
  }

  async hasten(consumer: string, now: Date, limit: number): Promise<number> {
    const query = sql`
      with postponed as (
        select user_id from delivery_queues where consumer = ${consumer} and due_at > ${now} and claim is null
        order by due_at limit ${limit} for update skip locked
      )
      update delivery_queues set due_at = ${now} from postponed
      where delivery_queues.consumer = ${consumer} and delivery_queues.user_id = postponed.user_id`
    return Number((await query.execute(this.#db)).numAffectedRows ?? 0)
  }

  async giveUpOld(
    consumer: string,
    {
      dispatchedBefore,
      now,
      error,
      limit,
    }: { dispatchedBefore: Date; now: Date; error: string; limit: number },
  ): Promise<number> {
    return this.#db.transaction().execute(async (trx) => {
      const { rows } = await sql<{ user_id: number }>`
        select user_id from delivery_queues as queue
        where consumer = ${consumer} and (claim is null or due_at <= ${now}) and exists (
          select from deliveries where consumer = queue.consumer and user_id = queue.user_id
            and dead_at is null and created_at < ${dispatchedBefore}
        )
        order by user_id limit ${limit} for update skip locked`.execute(trx)
      const people = rows.map(({ user_id }) => user_id)
      const query = trx
        .updateTable('deliveries')
        .set({ dead_at: now, last_error: error })
        .where('consumer', '=', consumer)
        .where(sql<boolean>`user_id = any(${people})`)
        .where('dead_at', 'is', null)
        .where('created_at', '<', dispatchedBefore)
      const { numUpdatedRows } = await query.executeTakeFirstOrThrow()
      await removeEmpty(trx, consumer, people)
      return Number(numUpdatedRows)
    })
  }

  async list({ state, consumer, limit, after = 0 }: DeliveryQuery): Promise<readonly ListedDelivery[]> {
    const query = this.#db
      .selectFrom('deliveries')
      .innerJoin('outbox', 'outbox.id', 'deliveries.outbox_id')
      .leftJoin('delivery_queues as queue', (join) =>
        join
          .onRef('queue.consumer', '=', 'deliveries.consumer')
          .onRef('queue.user_id', '=', 'deliveries.user_id'),
      )
      .select(['deliveries.id', 'deliveries.consumer', 'deliveries.user_id', 'deliveries.attempts'])
      .select(['deliveries.last_error', 'deliveries.dead_at', 'queue.due_at'])
      .select(['outbox.event_id', 'outbox.type', 'outbox.occurred_at'])
      .where('deliveries.dead_at', state === 'dead' ? 'is not' : 'is', null)
      .where('deliveries.id', '>', after)
      .orderBy('deliveries.id')
      .limit(limit)
    const rows = await query
      .$if(consumer !== undefined, (all) => all.where('deliveries.consumer', '=', consumer ?? ''))
      .execute()
    return rows.map((row) => ({
      ...{ id: row.id, consumer: row.consumer, state, userId: row.user_id as UserId },
      ...{ eventId: row.event_id, eventType: row.type, occurredAt: row.occurred_at, attempts: row.attempts },
      lastError: row.last_error ?? undefined,
      nextAttemptAt: state === 'dead' ? undefined : (row.due_at ?? undefined),
      deadAt: row.dead_at ?? undefined,
    }))
  }

  replay(id: number, now: Date): Promise<boolean> {
    return this.#db.transaction().execute(async (trx) => {
      const known = trx.selectFrom('deliveries').select(['id', 'dead_at']).where('id', '=', id)
      const row = await known.executeTakeFirst()
      if (row !== undefined && row.dead_at !== null) await bringBack(trx, [id], now)
      return row !== undefined
    })
  }

  replayAll(consumer: string, now: Date, limit: number): Promise<number> {
    return this.#db.transaction().execute(async (trx) => {
      const dead = trx.selectFrom('deliveries').select('id').where('dead_at', '<=', now)
      const rows = await dead.where('consumer', '=', consumer).orderBy('id').limit(limit).execute()
      return bringBack(
        trx,
        rows.map(({ id }) => id),
        now,
      )
    })
  }

  removeDead(deadBefore: Date, limit: number): Promise<number> {
    return this.#db.transaction().execute(async (trx) => {
      const old = trx.selectFrom('deliveries').select('id').where('dead_at', '<', deadBefore)
      const removed = await trx
        .deleteFrom('deliveries')
        .where('id', 'in', old.orderBy('dead_at').limit(limit).forUpdate().skipLocked())
        .returning('outbox_id')
        .execute()
      await removeEventsDone(
        trx,
        removed.map(({ outbox_id }) => outbox_id),
      )
      return removed.length
    })
  }

  async waitingConsumers(): Promise<readonly string[]> {
    // From one name to the next by the index: there are few names and may be many rows.
    const { rows } = await sql<{ consumer: string }>`
      with recursive names as (
        select min(consumer) as consumer from delivery_queues
        union all
        select (select min(consumer) from delivery_queues where consumer > names.consumer)
        from names where names.consumer is not null
      )
      select consumer from names where consumer is not null`.execute(this.#db)
    return rows.map(({ consumer }) => consumer)
  }
}

const toEvent = (row: EventRow): StoredEvent =>
  ({
    ...{ id: row.event_id, version: row.version, type: row.type, userId: row.user_id },
    ...{ occurredAt: row.occurred_at, data: row.data },
  }) as unknown as StoredEvent
