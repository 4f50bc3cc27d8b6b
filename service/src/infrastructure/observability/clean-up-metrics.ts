import type { Meter } from '@opentelemetry/api'
import type { Clock } from '../../application/ports/clock.ts'
import { readOldestDue } from '../postgres/clean-up.ts'
import type { Database } from '../postgres/database.ts'

/** Measures how far the clean-up is behind. All instances clean up the same rows. */
export function observeCleanUp(
  meter: Meter,
  db: Database,
  { clock, auditRetentionSeconds }: { clock: Clock; auditRetentionSeconds: number },
): void {
  meter
    .createObservableGauge('chat_auth_clean_up_overdue_seconds', {
      description: 'For how long the oldest row has been waiting for the clean-up, by kind of row',
    })
    .addCallback(async (result) => {
      const now = clock.now()
      for (const [rows, due] of Object.entries(await readOldestDue(db, auditRetentionSeconds))) {
        result.observe(due === null ? 0 : Math.max(0, (+now - +due) / 1_000), { rows })
      }
    })
}
