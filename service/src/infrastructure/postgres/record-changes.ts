import { sql, type RawBuilder } from 'kysely'
import type { Author } from '../../domain/actor.ts'
import type { OperatorAction } from '../../domain/audit-action.ts'
import { currentOrigin } from '../context/request-origin.ts'

/**
 * Adds an entry to the audit log for each row of `changed`, an expression of the same statement, so that no change goes
 * unrecorded. For changes that concern no user; the others are recorded with their event. `data` makes a JSON object of a row.
 */
export function recordChanges(
  author: Author,
  action: OperatorAction,
  at: Date,
  data: RawBuilder<unknown>,
): RawBuilder<unknown> {
  const origin = currentOrigin()
  return sql`
    insert into audit_log (at, actor, action, ip, user_agent, request_id, result, data)
    select ${at}::timestamptz, ${author}::text, ${action}::text, ${origin?.ip}::inet, ${origin?.userAgent}::text,
      ${origin?.requestId}::text, 'success', ${data}
    from changed`
}
