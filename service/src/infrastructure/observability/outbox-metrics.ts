import type { Meter } from '@opentelemetry/api'
import { sql } from 'kysely'
import type { DeliveryNews } from '../../application/outbox/deliver-events.ts'
import type { Clock } from '../../application/ports/clock.ts'
import type { Database } from '../postgres/database.ts'

/** Counting more would take long and say no more. */
const COUNTED_AT_MOST = 10_000

export interface ObservedOutbox {
  readonly db: Database
  readonly clock: Clock
  readonly consumers: readonly { readonly name: string }[]
}

interface Queue {
  readonly consumer: string
  readonly state: 'waiting' | 'dead'
  readonly count: number
  readonly since: Date | null
}

/**
 * What waits for whom, the same on every instance. Without one of the present consumers' deliveries it says 0 for them, so
 * that a rise is seen.
 */
export function observeOutbox(meter: Meter, { db, clock, consumers }: ObservedOutbox): void {
  const deliveries = meter.createObservableGauge('chat_auth_outbox_deliveries', {
    description: `Deliveries by consumer and state, counted up to ${COUNTED_AT_MOST} in each state`,
  })
  const oldest = meter.createObservableGauge('chat_auth_outbox_oldest_seconds', {
    description: 'How long the oldest delivery of a consumer has been waiting or dead',
  })
  const undispatched = meter.createObservableGauge('chat_auth_outbox_undispatched_seconds', {
    description: 'How long the oldest event has been waiting to be given to its consumers',
  })
  meter.addBatchObservableCallback(
    async (result) => {
      const [queues, since] = await Promise.all([readQueues(db), readUndispatched(db)])
      const now = clock.now()
      const age = (from: Date | null) => (from === null ? 0 : Math.max(0, (+now - +from) / 1_000))
      const none = consumers.flatMap(({ name: consumer }) => [
        { consumer, state: 'waiting' as const, count: 0, since: null },
        { consumer, state: 'dead' as const, count: 0, since: null },
      ])
      for (const { consumer, state, count, since: from } of [...none, ...queues]) {
        result.observe(deliveries, count, { consumer, state })
        result.observe(oldest, age(from), { consumer, state })
      }
      result.observe(undispatched, age(since))
    },
    [deliveries, oldest, undispatched],
  )
}

async function readQueues(db: Database): Promise<readonly Queue[]> {
  const { rows } = await sql<Queue>`
    with counted as (
      (select consumer, 'waiting' as state, created_at as since from deliveries
        where dead_at is null order by id limit ${COUNTED_AT_MOST})
      union all
      (select consumer, 'dead', dead_at from deliveries
        where dead_at is not null order by dead_at limit ${COUNTED_AT_MOST})
    )
    select consumer, state, count(*)::int as count, min(since) as since from counted group by consumer, state
  `.execute(db)
  return rows
}

async function readUndispatched(db: Database): Promise<Date | null> {
  const { rows } = await sql<{
    since: Date | null
  }>`select min(occurred_at) as since from outbox where not is_dispatched`.execute(db)
  return rows[0]?.since ?? null
}

/** Counts attempts of this instance that failed. */
export function countDeliveries(
  meter: Meter,
  consumers: readonly { name: string }[],
): (news: DeliveryNews) => void {
  const failures = meter.createCounter('chat_auth_outbox_failures', {
    description: 'Attempts at a delivery that failed, by consumer',
  })
  for (const { name: consumer } of consumers) failures.add(0, { consumer })
  return (news) => {
    if (news.kind === 'failed' || news.kind === 'dead') failures.add(1, { consumer: news.delivery.consumer })
  }
}
