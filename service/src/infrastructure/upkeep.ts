import type { Logger } from 'pino'
import type { Outbox } from '../application/outbox/outbox.ts'
import type { AttemptLimits } from '../application/ports/attempt-limits.ts'
import type { Clock } from '../application/ports/clock.ts'
import { PeriodicTask } from './periodic-task.ts'
import {
  removeEndedSessions,
  removeOldRevocations,
  removeOldTickets,
  removeReleasedNames,
} from './postgres/clean-up.ts'
import type { Database } from './postgres/database.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND
const BATCH = 500
/** So that one clean-up never keeps the database busy for long; the next one goes on. */
const BATCHES_AT_MOST = 20

export interface UpkeepDeps {
  readonly db: Database
  readonly clock: Clock
  readonly logger: Logger
  readonly attempts: AttemptLimits
  readonly synchroniseClock: () => Promise<void>
  readonly flushReceipts: () => Promise<void>
  readonly beatFeed: () => Promise<void>
  readonly outbox: Outbox
  readonly rotateKeys: () => Promise<void>
  readonly expireSessions: (limit: number) => Promise<number>
}

/** What an instance does besides answering; every instance does it, and they may do it at once. */
export function startUpkeep(deps: UpkeepDeps): { stop(): Promise<void> } {
  const { db, clock, logger, attempts } = deps
  const tasks = [
    new PeriodicTask('feed', SECOND, deps.beatFeed, logger),
    new PeriodicTask('outbox', SECOND, () => deps.outbox.advance(), logger),
    new PeriodicTask('receipts', SECOND, deps.flushReceipts, logger),
    new PeriodicTask('clock', MINUTE, deps.synchroniseClock, logger),
    new PeriodicTask('signing-keys', MINUTE, deps.rotateKeys, logger),
    new PeriodicTask(
      'clean-up',
      MINUTE,
      async () => {
        await inBatches(deps.expireSessions)
        await inBatches((limit) => removeEndedSessions(db, clock.now(), limit))
        await inBatches((limit) => removeOldRevocations(db, clock.now(), limit))
        await inBatches((limit) => removeOldTickets(db, clock.now(), limit))
        await inBatches((limit) => removeReleasedNames(db, clock.now(), limit))
        await inBatches((limit) => deps.outbox.cleanUp(limit))
        await inBatches((limit) => attempts.removeForgotten(clock.now(), limit))
      },
      logger,
    ),
  ]
  for (const task of tasks) task.start()
  return {
    stop: async () => {
      await Promise.all(tasks.map((task) => task.stop()))
    },
  }
}

/** Small steps, so that locks are held briefly. */
async function inBatches(step: (limit: number) => Promise<number>): Promise<void> {
  for (let batch = 0; batch < BATCHES_AT_MOST; batch += 1) {
    if ((await step(BATCH)) < BATCH) return
  }
}
