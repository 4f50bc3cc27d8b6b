import { parseEmailAddress } from '../../domain/email-address.ts'
import type { User, UserId } from '../../domain/user.ts'
import { ApplicationError } from '../errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { Sessions } from '../ports/sessions.ts'
import type { Users } from '../ports/users.ts'
import { validate } from '../validate.ts'

export interface InspectUsersDeps {
  readonly users: Users
  readonly sessions: Sessions
  readonly clock: Clock
}

export interface InspectedUser {
  readonly user: User
  readonly liveSessions: number
}

/** A person as an operator sees them. Throws `user_not_found`. */
export const inspectUser =
  ({ users, sessions, clock }: InspectUsersDeps) =>
  async (id: UserId): Promise<InspectedUser> => {
    const user = await users.find(id)
    if (user === undefined) throw new ApplicationError('user_not_found')
    const counts = await sessions.countLive([id], clock.now())
    return { user, liveSessions: counts.get(id) ?? 0 }
  }

/** The person of an e-mail address, if there is one. Throws `validation_failed`. */
export const findUserByEmail =
  ({ users }: { users: Users }) =>
  async (typed: string): Promise<User | undefined> => {
    const { email } = validate({ email: () => parseEmailAddress(typed) })
    return users.findByEmail(email.key)
  }

/** How many live sessions each of them has. */
export const countSessions =
  ({ sessions, clock }: InspectUsersDeps) =>
  async (found: readonly User[]): Promise<readonly InspectedUser[]> => {
    const counts = await sessions.countLive(
      found.map(({ id }) => id),
      clock.now(),
    )
    return found.map((user) => ({ user, liveSessions: counts.get(user.id) ?? 0 }))
  }
