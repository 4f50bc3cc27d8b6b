import { isInForce, type Ban } from './ban.ts'
import type { EmailAddress } from './email-address.ts'
import type { PasswordHash } from './password.ts'
import type { FactorKind } from './second-factor.ts'
import type { Username } from './username.ts'

declare const brand: unique symbol

/** The number of a user. It is never given to another user, even after a deletion. */
export type UserId = number & { readonly [brand]: 'UserId' }

/** Reads a user id out of a path, a token or a row; undefined when it cannot be one. */
export function parseUserId(value: unknown): UserId | undefined {
  const number = typeof value === 'string' && /^[1-9][0-9]{0,15}$/.test(value) ? Number(value) : value
  return Number.isSafeInteger(number) && (number as number) > 0 ? (number as UserId) : undefined
}

export interface User {
  readonly id: UserId
  readonly username: Username
  /** Undefined for some imported users, until they set one. */
  readonly email: EmailAddress | undefined
  readonly emailVerified: boolean
  /** Counts the addresses that the user has had. A link that verifies an address names its version. */
  readonly emailVersion: number
  readonly passwordHash: PasswordHash
  /**
   * Raised by every change of the password, and of the address that a new one can be requested at: links for a new password
   * name it, and so do sign-ins in progress. A new hash of the same password does not change it.
   */
  readonly passwordVersion: number
  /** The second factors that a sign-in needs one of; empty for users who need only the password. */
  readonly factors: readonly FactorKind[]
  /** Counts the changes of the factors and recovery codes. */
  readonly factorsVersion: number
  readonly roles: readonly string[]
  readonly createdAt: Date
  /** The last ban, unless it was lifted. It may be over: see `banOf`. */
  readonly ban: Ban | undefined
  /** The content name of the picture; undefined for users without one. */
  readonly avatar: string | undefined
  readonly deletedAt: Date | undefined
}

/** Long enough for other users to notice that the name no longer belongs to who had it. */
export const RELEASED_NAME_SECONDS = 90 * 24 * 3600

/** A user without an id: the store assigns it. */
export type NewUser = Omit<User, 'id'>

export function registerUser(
  username: Username,
  email: EmailAddress | undefined,
  passwordHash: PasswordHash,
  now: Date,
): NewUser {
  return {
    username,
    email,
    emailVerified: false,
    emailVersion: 1,
    passwordHash,
    passwordVersion: 1,
    factors: [],
    factorsVersion: 1,
    roles: [],
    createdAt: now,
    ban: undefined,
    avatar: undefined,
    deletedAt: undefined,
  }
}

/** The ban that is in force. */
export const banOf = ({ ban }: User, now: Date): Ban | undefined =>
  ban !== undefined && isInForce(ban, now) ? ban : undefined

export const isDisabled = (user: User, now: Date): boolean => banOf(user, now) !== undefined

export const isDeleted = (user: User): boolean => user.deletedAt !== undefined

/** The hash of no password. It has this service's own format, so it does not count as imported. */
const NO_HASH = '$argon2id$' as PasswordHash

/** A deleted user, of whom only the id is left. No name or address contains the colon. */
export const deleteUser = (user: User, now: Date): User => ({
  ...user,
  username: { text: `:${user.id}`, key: `:${user.id}` } as Username,
  email: { text: `:${user.id}`, key: `:${user.id}` } as EmailAddress,
  emailVerified: false,
  emailVersion: user.emailVersion + 1,
  passwordHash: NO_HASH,
  passwordVersion: user.passwordVersion + 1,
  factors: [],
  factorsVersion: user.factorsVersion + 1,
  roles: [],
  ban: undefined,
  avatar: undefined,
  deletedAt: now,
})

/** A new address is not verified yet. Another spelling of the same one stays as it was. */
export function changeEmail(user: User, email: EmailAddress): User {
  const emailVersion = user.emailVersion + 1
  if (user.email?.key === email.key) return { ...user, email, emailVersion }
  // A link for a new password may have gone to the address before, whose reader must not use it any more.
  return { ...user, email, emailVerified: false, emailVersion, passwordVersion: user.passwordVersion + 1 }
}

/** The user has shown that they read the mail at their address. */
export const verifyEmail = (user: User): User => ({ ...user, emailVerified: true })

/** Takes an earlier address back. `isVerified` says whether it is this user's alone again. */
export const restoreEmail = (user: User, email: EmailAddress, isVerified: boolean): User => ({
  ...changeEmail(user, email),
  emailVerified: isVerified,
})

export const changePassword = (user: User, passwordHash: PasswordHash): User => ({
  ...user,
  passwordHash,
  passwordVersion: user.passwordVersion + 1,
})

/** Whether a sign-in with the password alone is not enough. */
export const hasFactor = ({ factors }: Pick<User, 'factors'>): boolean => factors.length > 0

/** A proof from before a change of the factors is worth nothing after it. */
const withFactors = (user: User, factors: readonly FactorKind[]): User => ({
  ...user,
  factors,
  factorsVersion: user.factorsVersion + 1,
})

export const addFactor = (user: User, kind: FactorKind): User => withFactors(user, [...user.factors, kind])

export const removeFactors = (user: User, kinds: readonly FactorKind[]): User =>
  withFactors(
    user,
    user.factors.filter((each) => !kinds.includes(each)),
  )

/** Earlier recovery codes are worth nothing. */
export const renewRecoveryCodes = (user: User): User => withFactors(user, user.factors)

/** A ban replaces an earlier one. */
export const disable = (user: User, ban: Ban): User => ({ ...user, ban })

export const enable = (user: User): User => ({ ...user, ban: undefined })
