import { sql } from 'kysely'
import { MAX_STALENESS_SECONDS } from '../application/revocations/revocation-feed.ts'
import type { Health } from '../interface-adapters/http/service-routes.ts'
import type { Database } from '../infrastructure/postgres/database.ts'

export interface HealthDeps {
  readonly db: Database
  readonly canSign: () => boolean
  readonly isDraining: () => boolean
  readonly feedStalenessSeconds: () => number
}

/** An instance is ready if it would serve a request that comes now, and if verifiers can rely on its feed. */
export const createHealth = ({ db, canSign, isDraining, feedStalenessSeconds }: HealthDeps): Health => ({
  check: async () => {
    const database = await databaseState(db)
    const hasSigningKey = canSign()
    const draining = isDraining()
    const staleSeconds = feedStalenessSeconds()
    const isFresh = staleSeconds <= MAX_STALENESS_SECONDS
    return {
      isReady: database === 'ok' && hasSigningKey && !draining && isFresh,
      checks: {
        database,
        signing_key: hasSigningKey ? 'ok' : 'no key can sign at the moment',
        draining: draining ? 'yes' : 'no',
        feed: isFresh ? 'ok' : `last read ${staleSeconds.toFixed(0)} s ago`,
      },
    }
  },
})

async function databaseState(db: Database): Promise<string> {
  try {
    const { rows } = await sql<{ isWritable: boolean }>`
      select current_setting('transaction_read_only') = 'off' as "isWritable"`.execute(db)
    // A standby that was not promoted yet is read-only: nobody could sign in or refresh.
    return rows[0]?.isWritable === true ? 'ok' : 'is read-only'
  } catch {
    return 'cannot be reached'
  }
}
