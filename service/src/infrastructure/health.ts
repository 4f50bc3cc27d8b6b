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
    await sql`select 1`.execute(db)
    return 'ok'
  } catch {
    return 'cannot be reached'
  }
}
