import type { Ban } from '../../domain/ban.ts'
import { parseEmailAddress } from '../../domain/email-address.ts'
import { banOf, type User, type UserId } from '../../domain/user.ts'
import { ApplicationError, type ErrorCode } from '../errors.ts'
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
  /** The ban that is in force. */
  readonly ban: Ban | undefined
  readonly liveSessions: number
}

export const inspectUserErrors = ['user_not_found'] as const satisfies readonly ErrorCode[]

/** A user as an operator sees them. Throws `user_not_found`. */
export const inspectUser =
  ({ users, sessions, clock }: InspectUsersDeps) =>
  async (id: UserId): Promise<InspectedUser> => {
    const user = await users.find(id)
    if (user === undefined) throw new ApplicationError('user_not_found')
    const now = clock.now()
    const counts = await sessions.countLive([id], now)
    return { user, ban: banOf(user, now), liveSessions: counts.get(id) ?? 0 }
  }

/** Far more than operators have to compare. */
const HOLDERS = 50

export const findUsersByEmailErrors = ['validation_failed'] as const satisfies readonly ErrorCode[]

/** The users with an e-mail address: the one who verified it first, then the oldest. Throws `validation_failed`. */
export const findUsersByEmail =
  ({ users }: { users: Users }) =>
  async (typed: string): Promise<readonly User[]> => {
    const { email } = validate({ email: () => parseEmailAddress(typed) })
    return users.holdersOf(email.key, HOLDERS)
  }

/** Their bans, and how many live sessions each of them has. */
export const countSessions =
  ({ sessions, clock }: InspectUsersDeps) =>
  async (found: readonly User[]): Promise<readonly InspectedUser[]> => {
    const now = clock.now()
    const counts = await sessions.countLive(
      found.map(({ id }) => id),
      now,
    )
    return found.map((user) => ({ user, ban: banOf(user, now), liveSessions: counts.get(user.id) ?? 0 }))
  }
