import { sql } from 'kysely'
import { MAIL } from '../../domain/delivery.ts'
import type { Finding } from '../../interface-adapters/http/internal/finding.ts'
import type { Database } from '../postgres/database.ts'
import { failed, ok, readable, warning } from './finding.ts'

/** Events are dispatched every second, or every minute if there is no consumer. */
const DISPATCH_LATE_MS = 3 * 60_000
/** A consumer that is this late is rather down than slow. */
const DELIVERY_LATE_MS = 5 * 60_000
/** Counting more would take long and tell no more. */
const COUNTED_AT_MOST = 10_000

/**
 * How long events have been waiting, and whether deliveries were given up. Not counted are mails: anybody can sign up with an
 * address that does not exist.
 */
export async function outboxFindings(db: Database, now: Date): Promise<readonly Finding[]> {
  const { rows } = await sql<{ undispatched_since: Date | null; waiting_since: Date | null; dead: number }>`
    select (select min(occurred_at) from outbox where not is_dispatched) as undispatched_since,
      (select min(created_at) from deliveries where dead_at is null) as waiting_since,
      (select count(*) from (
        select from deliveries where dead_at is not null and consumer <> ${MAIL} limit ${COUNTED_AT_MOST}) as counted)::int as dead
  `.execute(db)
  const found = rows[0]
  const age = (since: Date | null | undefined): number => (since ? Math.max(0, +now - +since) : 0)
  const undispatched = age(found?.undispatched_since)
  const waiting = age(found?.waiting_since)
  const dead = found?.dead ?? 0
  const findings: Finding[] = []
  if (undispatched > DISPATCH_LATE_MS) {
    const detail = `an event has not been dispatched for ${readable(undispatched)}`
    findings.push(failed('outbox', detail, 'Look for task.failed with outbox or clean-up in the log.'))
  }
  if (waiting > DELIVERY_LATE_MS) {
    const detail = `a delivery has been waiting for ${readable(waiting)}`
    const advice =
      'Run chat-auth outbox list --state waiting to see which consumer and why, and check that it responds.'
    findings.push(warning('outbox', detail, advice))
  }
  if (dead > 0) {
    const detail = `${dead === COUNTED_AT_MOST ? 'at least ' : ''}${dead} given up`
    const advice =
      'Run chat-auth outbox list to see why. Repair the cause, then run chat-auth outbox replay --consumer NAME'
    findings.push(warning('outbox', detail, advice))
  }
  if (findings.length > 0) return findings
  return [
    ok('outbox', waiting === 0 ? 'no delivery waits' : `the oldest delivery waits for ${readable(waiting)}`),
  ]
}
