import type { Meter } from '@opentelemetry/api'
import type { Clock } from '../../application/ports/clock.ts'
import type { Database } from '../postgres/database.ts'
import { readDatabaseTime } from '../postgres/database-time.ts'
import type { PoolUse } from '../storage/storage.ts'

/** Measures the connections that requests share. */
export function observePool(meter: Meter, poolUse: () => PoolUse): void {
  meter
    .createObservableGauge('chat_auth_database_connections', {
      description: 'Connections of the pool for requests: in use (used) or free (idle)',
    })
    .addCallback((result) => {
      const { open, idle } = poolUse()
      result.observe(open - idle, { state: 'used' })
      result.observe(idle, { state: 'idle' })
    })
  meter
    .createObservableGauge('chat_auth_database_connections_max', {
      description: 'Maximum number of connections in the pool',
    })
    .addCallback((result) => result.observe(poolUse().size))
  meter
    .createObservableGauge('chat_auth_database_connections_waiting', {
      description: 'Callers that wait for a connection',
    })
    .addCallback((result) => result.observe(poolUse().waiting))
}

/** Queries the database at each scrape. `db` is not the pool of requests, so that a burst of them does not hide it. */
export function observeDatabase(meter: Meter, db: Database, clock: Clock): void {
  const up = meter.createObservableGauge('chat_auth_database_up', {
    description: '1 if the database responded, 0 if it did not',
  })
  const offset = meter.createObservableGauge('chat_auth_database_clock_offset_seconds', {
    description: "By how much this instance's clock is ahead of the clock of the database",
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
  const theirs = await readDatabaseTime(db)
  const received = +clock.now()
  return ((sent + received) / 2 - theirs) / 1_000
}
