import type { Counter, Meter } from '@opentelemetry/api'
import { sql } from 'kysely'
import type { DeliveryReport } from '../../application/outbox/deliver-events.ts'
import type { Clock } from '../../application/ports/clock.ts'
import type { Database } from '../postgres/database.ts'

/** An exact count of more rows would be slow and no more useful. */
const MAXIMUM_COUNT = 10_000

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
 * Measures the deliveries in the database, which are the same for every instance. A configured consumer without deliveries
 * is reported as 0, so that Prometheus sees the first one as a rise.
 */
export function observeOutbox(meter: Meter, { db, clock, consumers }: ObservedOutbox): void {
  const deliveries = meter.createObservableGauge('chat_auth_outbox_deliveries', {
    description: `Deliveries by consumer and state, counted up to ${MAXIMUM_COUNT} in each state`,
  })
  const oldest = meter.createObservableGauge('chat_auth_outbox_oldest_seconds', {
    description: 'For how long the oldest delivery of a consumer has been waiting or dead',
  })
  const undispatched = meter.createObservableGauge('chat_auth_outbox_undispatched_seconds', {
    description: 'For how long the oldest event has been waiting to be dispatched to its consumers',
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
        where dead_at is null order by id limit ${MAXIMUM_COUNT})
      union all
      (select consumer, 'dead', dead_at from deliveries
        where dead_at is not null order by dead_at limit ${MAXIMUM_COUNT})
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

/** Counts failed delivery attempts of this instance. */
export class DeliveryFailures {
  readonly #failures: Counter

  constructor(meter: Meter) {
    this.#failures = meter.createCounter('chat_auth_outbox_failures', {
      description: 'Attempts at a delivery that failed, by consumer',
    })
  }

  /** Starts the count of each consumer at 0. */
  expect(consumers: readonly { readonly name: string }[]): void {
    for (const { name: consumer } of consumers) this.#failures.add(0, { consumer })
  }

  count(report: DeliveryReport): void {
    if (report.kind !== 'failed' && report.kind !== 'dead') return
    this.#failures.add(1, { consumer: report.delivery.consumer })
  }
}
