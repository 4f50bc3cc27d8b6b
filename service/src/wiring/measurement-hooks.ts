import type { DeliveryReport } from '../application/outbox/deliver-events.ts'
import type { SlotObserver } from '../infrastructure/crypto/bounded-slots.ts'
import type { StatementObserver } from '../infrastructure/postgres/database.ts'

/** Measurements inside an adapter, where decorating its port cannot reach. Adapters take them as optional parameters. */
export interface MeasurementHooks {
  /** Undefined unless statements are traced. */
  readonly statement: StatementObserver | undefined
  /** Gets the number of sessions that one statement refreshes. */
  readonly refreshBatch: (sessions: number) => void
  readonly hashing: SlotObserver
  readonly scoring: SlotObserver
  readonly delivery: (report: DeliveryReport) => void
}
