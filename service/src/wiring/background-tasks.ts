import type { Logger } from 'pino'
import type { Outbox } from '../application/outbox/outbox.ts'
import type { UseCases } from '../application/use-cases.ts'
import { PeriodicTask } from '../infrastructure/process/periodic-task.ts'
import { runInBatches, type Batch } from '../infrastructure/process/run-in-batches.ts'
import {
  removeOldAudit,
  removeEndedSessions,
  removeOldInvitations,
  removeOldRevocations,
  removeOldTickets,
  removeReleasedNames,
} from '../infrastructure/postgres/clean-up.ts'
import type { DatabaseClock } from '../infrastructure/postgres/database-clock.ts'
import { postponeChecks } from '../infrastructure/postgres/expired-sessions.ts'
import type { RevocationStream } from '../interface-adapters/http/internal/revocation-stream.ts'
import type { Ports } from './ports.ts'

const SECOND_MS = 1_000
const MINUTE_MS = 60 * SECOND_MS
/** Small batches hold their locks briefly. */
const ROWS_PER_BATCH = 500

interface BackgroundTaskDeps {
  readonly ports: Ports
  readonly databaseClock: DatabaseClock
  readonly outbox: Outbox
  readonly stream: RevocationStream
  readonly useCases: Pick<
    UseCases,
    'acceptPasswordResets' | 'expireSessions' | 'liftBans' | 'reencryptTotpSecrets'
  >
  /** Whether keys are rotated and rows cleaned up. */
  readonly maintenance: boolean
  readonly logger: Logger
}

/** Starts what an instance does besides requests. Every instance runs them, even at the same time as others. */
export function startBackgroundTasks(deps: BackgroundTaskDeps): { stop(): Promise<void> } {
  const { ports, databaseClock, outbox, stream, useCases, maintenance, logger } = deps
  const stopping = new AbortController()
  const tasks = [
    new PeriodicTask('feed', SECOND_MS, () => stream.beat(), logger),
    new PeriodicTask('outbox', SECOND_MS, () => outbox.advance(), logger),
    new PeriodicTask('password-resets', SECOND_MS, () => acceptResets(deps, stopping.signal), logger),
    new PeriodicTask('receipts', SECOND_MS, () => ports.receipts.flush(), logger),
    new PeriodicTask('refusals', 10 * SECOND_MS, () => ports.refusals.flush(), logger),
    new PeriodicTask('clock', MINUTE_MS, () => databaseClock.synchronise(), logger),
  ]
  if (maintenance) {
    tasks.push(
      new PeriodicTask('signing-keys', MINUTE_MS, ports.signingKeys.rotate, logger),
      // One batch a minute: while AUTH_SECRET is replaced, instances with another order of secrets undo it.
      new PeriodicTask(
        'totp-secrets',
        MINUTE_MS,
        () => useCases.reencryptTotpSecrets(ROWS_PER_BATCH),
        logger,
      ),
      new PeriodicTask('clean-up', MINUTE_MS, () => cleanUp(deps, stopping.signal), logger),
    )
  }
  for (const task of tasks) task.start()
  return {
    stop: async () => {
      stopping.abort()
      await Promise.all(tasks.map((task) => task.stop()))
    },
  }
}

const acceptResets = ({ useCases }: BackgroundTaskDeps, signal: AbortSignal): Promise<void> =>
  runInBatches([useCases.acceptPasswordResets], { limit: ROWS_PER_BATCH, signal })

function cleanUp({ ports, outbox, useCases }: BackgroundTaskDeps, signal: AbortSignal): Promise<void> {
  const { clock, attempts, spentProofs, emailChanges, auditRetentionSeconds } = ports
  const { db } = ports.storage
  const batches: Batch[] = [
    (limit) => postponeChecks(db, clock.now(), limit),
    useCases.expireSessions,
    useCases.liftBans,
    (limit) => removeEndedSessions(db, clock.now(), limit),
    (limit) => removeOldRevocations(db, clock.now(), limit),
    (limit) => removeOldTickets(db, clock.now(), limit),
    (limit) => removeOldInvitations(db, clock.now(), limit),
    (limit) => emailChanges.removeOld(clock.now(), limit),
    (limit) => removeReleasedNames(db, clock.now(), limit),
    (limit) => removeOldAudit(db, { now: clock.now(), retentionSeconds: auditRetentionSeconds, limit }),
    (limit) => outbox.cleanUp(limit),
    (limit) => attempts.removeForgotten(clock.now(), limit),
    (limit) => spentProofs.removeExpired(clock.now(), limit),
  ]
  return runInBatches(batches, { limit: ROWS_PER_BATCH, signal })
}
