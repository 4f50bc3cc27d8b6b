import type { Session } from '../../domain/session.ts'
import type { User } from '../../domain/user.ts'
import type { RecordedEvent, Events } from '../ports/events.ts'
import type { Sessions } from '../ports/sessions.ts'
import type { Caller } from '../sessions/authenticate.ts'

export interface ExportedUser {
  readonly user: User
  /** Ended ones too, as long as they are kept. */
  readonly sessions: readonly Session[]
  /** Those that are still to be delivered somewhere, or were a short while ago. */
  readonly events: readonly RecordedEvent[]
}

/** Everything that is held about the caller. */
export const exportUser =
  ({ sessions, events }: { sessions: Sessions; events: Events }) =>
  async ({ user }: Caller): Promise<ExportedUser> => ({
    user,
    sessions: await sessions.listAll(user.id),
    events: await events.ofUser(user.id),
  })
