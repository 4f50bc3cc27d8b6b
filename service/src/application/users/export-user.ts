import type { EmailChange } from '../../domain/email-change.ts'
import type { Session } from '../../domain/session.ts'
import type { User } from '../../domain/user.ts'
import { exportsOf } from '../attempt-budgets.ts'
import type { ErrorCode } from '../errors.ts'
import { activityOf, type Activity } from '../audit/activity.ts'
import type { AttemptLimits } from '../ports/attempt-limits.ts'
import type { AuditCursor, AuditLog } from '../ports/audit-log.ts'
import type { EmailChanges } from '../ports/email-changes.ts'
import type { Events, RecordedEvent } from '../ports/events.ts'
import type { Factors, OwnFactors } from '../ports/factors.ts'
import type { Sessions } from '../ports/sessions.ts'
import type { Caller } from '../sessions/caller.ts'
import {
  requireRecentAuthentication,
  type RequireRecentAuthenticationDeps,
} from '../sessions/require-recent-authentication.ts'

interface ExportUserDeps extends RequireRecentAuthenticationDeps {
  readonly sessions: Sessions
  readonly events: Events
  readonly auditLog: AuditLog
  readonly attempts: AttemptLimits
  readonly emailChanges: EmailChanges
  readonly factors: Factors
}

export interface ExportedUser {
  readonly user: User
  /** Of the changes that can still be undone. */
  readonly emailChanges: readonly EmailChange[]
  /** Without secrets and recovery codes: they are credentials, and nobody needs a copy. */
  readonly factors: OwnFactors
  /** Includes ended sessions that are still stored. */
  readonly sessions: AsyncIterable<readonly Session[]>
  /** Events that are waiting for delivery or were delivered recently. */
  readonly events: AsyncIterable<readonly RecordedEvent[]>
  /** The entries of the audit log about the user. */
  readonly activity: AsyncIterable<readonly Activity[]>
}

/** Reading and writing one page takes the event loop a few milliseconds. */
const PAGE_SIZE = 200

export const exportUserErrors = [
  'reauthentication_required',
  'too_many_attempts',
] as const satisfies readonly ErrorCode[]

/**
 * All data that is stored about the caller. Sessions, events and activity are read page by page while the result is consumed, because
 * there may be tens of thousands. Throws `reauthentication_required`, `too_many_attempts`.
 */
export const exportUser =
  (deps: ExportUserDeps) =>
  async (caller: Caller): Promise<ExportedUser> => {
    const { sessions, events, auditLog, attempts, emailChanges, factors, clock } = deps
    const { user } = caller
    requireRecentAuthentication(deps)(caller)
    await attempts.take([exportsOf(user.id)], clock.now())
    return {
      user,
      emailChanges: await emailChanges.list(user.id),
      factors: await factors.find(user.id),
      sessions: pages((last?: Session) => sessions.page(user.id, last?.id, PAGE_SIZE)),
      events: pages((last?: RecordedEvent) => events.page(user.id, last?.id, PAGE_SIZE)),
      activity: pages(async (before?: AuditCursor) =>
        (await auditLog.page({ subject: user.id, before, limit: PAGE_SIZE })).map((entry) =>
          activityOf(entry, user.id),
        ),
      ),
    }
  }

async function* pages<T>(readAfter: (last?: T) => Promise<readonly T[]>): AsyncGenerator<readonly T[]> {
  let page = await readAfter()
  while (page.length > 0) {
    yield page
    page = page.length < PAGE_SIZE ? [] : await readAfter(page.at(-1))
  }
}
