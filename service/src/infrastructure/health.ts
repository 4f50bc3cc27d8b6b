import { sql } from 'kysely'
import type { Health } from '../interface-adapters/http/service-routes.ts'
import type { Database } from './postgres/database.ts'

export interface HealthOptions {
  readonly db: Database
  readonly canSign: () => boolean
  readonly isDraining: () => boolean
}

/** Ready means: a request that comes now would be served. */
export const createHealth = ({ db, canSign, isDraining }: HealthOptions): Health => ({
  check: async () => {
    const checks = {
      database: await databaseState(db),
      signing_key: canSign() ? 'ok' : 'none can sign at the moment',
      draining: isDraining() ? 'yes' : 'no',
    }
    const isReady = checks.database === 'ok' && checks.signing_key === 'ok' && checks.draining === 'no'
    return { isReady, checks }
  },
})

async function databaseState(db: Database): Promise<string> {
  try {
    const { rows } = await sql<{ takesChanges: boolean }>`
      select current_setting('transaction_read_only') = 'off' as "takesChanges"`.execute(db)
    // As a standby that was not promoted yet: nobody could sign in or refresh.
    return rows[0]?.takesChanges === true ? 'ok' : 'takes no changes'
  } catch {
    return 'cannot be reached'
  }
}
