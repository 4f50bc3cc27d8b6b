import type { Session } from '../../domain/session.ts'
import type { User } from '../../domain/user.ts'
import { exportsOf } from '../attempt-budgets.ts'
import type { ErrorCode } from '../errors.ts'
import type { AttemptLimits } from '../ports/attempt-limits.ts'
import type { Clock } from '../ports/clock.ts'
import type { Events, RecordedEvent } from '../ports/events.ts'
import type { Sessions } from '../ports/sessions.ts'
import type { Caller } from '../sessions/caller.ts'

interface ExportUserDeps {
  readonly sessions: Sessions
  readonly events: Events
  readonly attempts: AttemptLimits
  readonly clock: Clock
}

export interface ExportedUser {
  readonly user: User
  /** Includes ended sessions that are still stored. */
  readonly sessions: AsyncIterable<readonly Session[]>
  /** Events that are waiting for delivery or were delivered recently. */
  readonly events: AsyncIterable<readonly RecordedEvent[]>
}

/** Reading and writing one page takes the event loop a few milliseconds. */
const PAGE_SIZE = 200

export const exportUserErrors = ['too_many_attempts'] as const satisfies readonly ErrorCode[]

/**
 * All data that is stored about the caller. Sessions and events are read page by page while the result is consumed, because
 * there may be tens of thousands. Throws `too_many_attempts`.
 */
export const exportUser =
  ({ sessions, events, attempts, clock }: ExportUserDeps) =>
  async ({ user }: Caller): Promise<ExportedUser> => {
    await attempts.take([exportsOf(user.id)], clock.now())
    return {
      user,
      sessions: pages((last?: Session) => sessions.page(user.id, last?.id, PAGE_SIZE)),
      events: pages((last?: RecordedEvent) => events.page(user.id, last?.id, PAGE_SIZE)),
    }
  }

async function* pages<T>(readAfter: (last?: T) => Promise<readonly T[]>): AsyncGenerator<readonly T[]> {
  let page = await readAfter()
  while (page.length > 0) {
    yield page
    page = page.length < PAGE_SIZE ? [] : await readAfter(page.at(-1))
  }
}
