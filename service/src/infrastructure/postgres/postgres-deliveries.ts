import { sql } from 'kysely'
import { v7 as uuidv7 } from 'uuid'
import type {
  Announced,
  ClaimedDelivery,
  Deliveries,
  DeliveryQuery,
  ListedDelivery,
  StoredEvent,
} from '../../application/ports/deliveries.ts'
import type { Actor } from '../../domain/actor.ts'
import { latestDue, LONGEST_WAIT_SECONDS } from '../../domain/delivery.ts'
import { secondsAfter } from '../../domain/session.ts'
import type { UserId } from '../../domain/user.ts'
import { announceUsers } from './announce-users.ts'
import type { Database } from './database.ts'
import { listDeliveries, removeDeadDeliveries, replayDeliveries, replayDelivery } from './dead-deliveries.ts'
import { finishDelivery, removeEmpty } from './delivery-queues.ts'
import { dispatchEvents } from './dispatch-events.ts'
import { toStoredEvent, type EventRow } from './rows.ts'
import { affectedRows } from './affected-rows.ts'

/**
 * Locks are taken in one order: the queue of a consumer and user, its deliveries, their events. The step after a lock is a
 * statement of its own, so that it sees the changes of the previous holder.
 */
export class PostgresDeliveries implements Deliveries {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  dispatch(
    consumersOf: (event: StoredEvent) => readonly string[],
    options: { now: Date; limit: number },
  ): Promise<number> {
    return dispatchEvents(this.#db, consumersOf, options)
  }

  async claim(
    consumer: string,
    { now, limit, seconds }: { now: Date; limit: number; seconds: number },
  ): Promise<readonly ClaimedDelivery[]> {
    if (!(await this.#isAnyDue(consumer, now))) return []
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
        select attempted.id, attempted.attempts, outbox.event_id, outbox.type, outbox.version, outbox.actor, outbox.user_id,
          outbox.occurred_at, outbox.data
        from attempted join outbox on outbox.id = attempted.outbox_id`.execute(trx)
      // A queue is left empty if its last event was delivered after the claim had run out.
      const userIds = claimed.map(({ user_id }) => user_id)
      if (rows.length < userIds.length) await removeEmpty(trx, consumer, userIds)
      return rows.map((row) => ({
        id: row.id,
        consumer,
        event: toStoredEvent(row),
        attempts: row.attempts,
        claim,
      }))
    })
  }

  acknowledge(delivery: ClaimedDelivery, now: Date): Promise<void> {
    return finishDelivery(this.#db, delivery, now, async (trx) => {
      const { rows } = await sql<{ outbox_id: number }>`
        delete from deliveries where id = ${delivery.id} returning outbox_id`.execute(trx)
      return { isOver: true, events: rows.map(({ outbox_id }) => outbox_id) }
    })
  }

  moveToDeadLetters(delivery: ClaimedDelivery, { now, error }: { now: Date; error: string }): Promise<void> {
    return finishDelivery(this.#db, delivery, now, async (trx, isOurs) => {
      if (!isOurs) return { isOver: false, events: [] }
      await sql`
        update deliveries set dead_at = ${now}, last_error = ${error} where id = ${delivery.id}`.execute(trx)
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

  /** Looks at both ends of the index. A delivery that a clock ahead has postponed becomes due. */
  async #isAnyDue(consumer: string, now: Date): Promise<boolean> {
    const { rows } = await sql<{ isEarly: boolean; isLate: boolean }>`
      select
        exists (select from delivery_queues where consumer = ${consumer} and due_at <= ${now}) as "isEarly",
        exists (select from delivery_queues where consumer = ${consumer} and due_at > ${latestDue(now)}) as "isLate"
    `.execute(this.#db)
    if (rows[0]?.isLate !== true) return rows[0]?.isEarly === true
    await sql`
      update delivery_queues set due_at = ${now}
      where consumer = ${consumer} and due_at > ${latestDue(now)}`.execute(this.#db)
    return true
  }

  async resumePostponed(consumer: string, now: Date, limit: number): Promise<number> {
    const query = sql`
      with postponed as (
        select user_id from delivery_queues where consumer = ${consumer} and due_at > ${now} and claim is null
        order by due_at limit ${limit} for update skip locked
      )
      update delivery_queues set due_at = ${now} from postponed
      where delivery_queues.consumer = ${consumer} and delivery_queues.user_id = postponed.user_id`
    return affectedRows(await query.execute(this.#db))
  }

  async hasten(
    consumer: string,
    { userIds, now, attemptsAtMost }: { userIds: readonly UserId[]; now: Date; attemptsAtMost: number },
  ): Promise<number> {
    // No delivery waits for longer, so none is due before this.
    const first = secondsAfter(now, -LONGEST_WAIT_SECONDS)
    const query = sql`
      with asked as (
        select user_id from delivery_queues as queue
        where consumer = ${consumer} and user_id = any(${userIds}) and claim is null and (
          select attempts from deliveries
          where consumer = ${consumer} and user_id = queue.user_id and dead_at is null order by outbox_id limit 1
        ) < ${attemptsAtMost}
        order by user_id for update skip locked
      )
      update delivery_queues set due_at = ${first} from asked
      where delivery_queues.consumer = ${consumer} and delivery_queues.user_id = asked.user_id`
    return affectedRows(await query.execute(this.#db))
  }

  announce(
    consumer: string,
    options: { after: UserId | undefined; limit: number; by: Actor; now: Date },
  ): Promise<Announced> {
    return announceUsers(this.#db, consumer, options)
  }

  async moveOldToDeadLetters(
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
      const userIds = rows.map(({ user_id }) => user_id)
      const old = sql`
        update deliveries set dead_at = ${now}, last_error = ${error}
        where consumer = ${consumer} and user_id = any(${userIds}) and dead_at is null
          and created_at < ${dispatchedBefore}`
      const givenUp = affectedRows(await old.execute(trx))
      await removeEmpty(trx, consumer, userIds)
      return givenUp
    })
  }

  list(query: DeliveryQuery): Promise<readonly ListedDelivery[]> {
    return listDeliveries(this.#db, query)
  }

  replay(id: number, by: Actor, now: Date): Promise<boolean> {
    return replayDelivery(this.#db, id, by, now)
  }

  replayAll(consumer: string, options: { by: Actor; now: Date; limit: number }): Promise<number> {
    return replayDeliveries(this.#db, consumer, options)
  }

  removeDead(deadBefore: Date, limit: number): Promise<number> {
    return removeDeadDeliveries(this.#db, deadBefore, limit)
  }

  async waitingConsumers(): Promise<readonly string[]> {
    // Goes from one name to the next in the index: there are few names, but there may be many rows.
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
