import { sql } from 'kysely'
import { secondsAfter } from '../../domain/session.ts'
import type { Finding } from '../../interface-adapters/http/internal/finding.ts'
import type { Database } from '../postgres/database.ts'
import type { Config } from '../settings/config.ts'
import { warning } from './finding.ts'

type Lifetimes = Pick<Config, 'sessionIdleTtlSeconds' | 'sessionTtlSeconds'>

const TOLERANCE_SECONDS = 5 * 60
/** Counting more would take long and tell no more. */
const COUNTED_AT_MOST = 10_000

/** Live sessions that last longer than one that begins now. A clock that was ahead leaves them behind. */
export async function lifetimeFindings(
  db: Database,
  lifetimes: Lifetimes,
  now: Date,
): Promise<readonly Finding[]> {
  const { sessionIdleTtlSeconds, sessionTtlSeconds } = lifetimes
  const latest = secondsAfter(now, Math.min(sessionIdleTtlSeconds, sessionTtlSeconds) + TOLERANCE_SECONDS)
  const { rows } = await sql<{ late: number }>`
    select count(*)::int as late from (
      select from sessions where ended_at is null and check_after > ${latest} limit ${COUNTED_AT_MOST}
    ) as counted`.execute(db)
  const late = rows[0]?.late ?? 0
  if (late === 0) return []
  const count = late === COUNTED_AT_MOST ? `at least ${late}` : String(late)
  return [
    warning(
      'clock',
      `live sessions that expire later than SESSION_IDLE_TTL and SESSION_TTL allow from now: ${count}`,
      'A setting was lowered, or the clock of the database was ahead. To be rid of them, run chat-auth sessions end --all-users: everybody signs in again.',
    ),
  ]
}
