import type { Meter } from '@opentelemetry/api'
import { sql } from 'kysely'
import type { Clock } from '../../application/ports/clock.ts'
import type { Database } from '../postgres/database.ts'
import type { PoolUse } from '../storage.ts'

/** The connections that requests share. */
export function observePool(meter: Meter, poolUse: () => PoolUse): void {
  meter
    .createObservableGauge('chat_auth_database_connections', {
      description: 'Connections of the pool for requests, at work (used) or not (idle)',
    })
    .addCallback((result) => {
      const { open, idle } = poolUse()
      result.observe(open - idle, { state: 'used' })
      result.observe(idle, { state: 'idle' })
    })
  meter
    .createObservableGauge('chat_auth_database_connections_max', {
      description: 'How many connections the pool may open',
    })
    .addCallback((result) => result.observe(poolUse().size))
  meter
    .createObservableGauge('chat_auth_database_connections_waiting', {
      description: 'Callers that wait for a connection',
    })
    .addCallback((result) => result.observe(poolUse().waiting))
}

/** Asks the database at each look; `db` is not the one of requests, so that a crowd of them does not blind us. */
export function observeDatabase(meter: Meter, db: Database, clock: Clock): void {
  const up = meter.createObservableGauge('chat_auth_database_up', {
    description: '1 when the database answered, 0 when it did not',
  })
  const offset = meter.createObservableGauge('chat_auth_database_clock_offset_seconds', {
    description: "How far this instance's clock is ahead of the database's",
  })
  meter.addBatchObservableCallback(
    async (result) => {
      try {
        const seconds = await clockOffsetSeconds(db, clock)
        result.observe(up, 1)
        result.observe(offset, seconds)
      } catch {
        result.observe(up, 0)
      }
    },
    [up, offset],
  )
}

async function clockOffsetSeconds(db: Database, clock: Clock): Promise<number> {
  const sent = +clock.now()
  const { rows } = await sql<{ now: Date }>`select clock_timestamp() as now`.execute(db)
  const received = +clock.now()
  return ((sent + received) / 2 - +(rows[0]?.now ?? NaN)) / 1_000
}
