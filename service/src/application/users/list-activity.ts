import { activityOf, type Activity } from '../audit/activity.ts'
import { listAuditEntries } from '../audit/list-audit-entries.ts'
import type { ErrorCode } from '../errors.ts'
import type { AuditCursor, AuditLog } from '../ports/audit-log.ts'
import type { Clock } from '../ports/clock.ts'
import type { RequestLimits } from '../ports/request-limits.ts'
import { ownReadsIn } from '../request-limits.ts'
import type { Caller } from '../sessions/caller.ts'

interface ListActivityDeps {
  readonly auditLog: AuditLog
  readonly requestLimits: RequestLimits
  readonly clock: Clock
}

export interface ActivityPage {
  readonly items: readonly Activity[]
  /** Where the next page begins; undefined after the last. */
  readonly next: AuditCursor | undefined
}

export const listActivityErrors = ['too_many_attempts'] as const satisfies readonly ErrorCode[]

/** The entries of the audit log about the caller, newest first. Throws `too_many_attempts`. */
export const listActivity =
  (deps: ListActivityDeps) =>
  async (
    { user, session }: Caller,
    page: { before: AuditCursor | undefined; limit: number },
  ): Promise<ActivityPage> => {
    deps.requestLimits.count(ownReadsIn(session.id), deps.clock.now())
    const { items, next } = await listAuditEntries(deps)({ subject: user.id, ...page })
    return { items: items.map((entry) => activityOf(entry, user.id)), next }
  }
