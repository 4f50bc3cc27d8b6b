import type { EmailAddress } from './email-address.ts'
import type { PasswordHash } from './password.ts'
import type { Username } from './username.ts'

declare const brand: unique symbol

/** A person's number; given once and never again, whatever becomes of the person. */
export type UserId = number & { readonly [brand]: 'UserId' }

/** Reads a user id out of a path, a token or a row; undefined when it cannot be one. */
export function parseUserId(value: unknown): UserId | undefined {
  const number = typeof value === 'string' && /^[1-9][0-9]{0,15}$/.test(value) ? Number(value) : value
  return Number.isSafeInteger(number) && (number as number) > 0 ? (number as UserId) : undefined
}

export interface User {
  readonly id: UserId
  readonly username: Username
  readonly email: EmailAddress
  readonly emailVerified: boolean
  readonly passwordHash: PasswordHash
  /** Counts the passwords the person has had; a renewed hash of the same one leaves it as it is. */
  readonly passwordVersion: number
  readonly roles: readonly string[]
  readonly createdAt: Date
  readonly disabledAt: Date | undefined
  readonly disabledReason: string | undefined
  /** The name of the picture's content; undefined for people without one of their own. */
  readonly avatar: string | undefined
  readonly deletedAt: Date | undefined
}

/** A user who has no number yet: the store gives it. */
export type NewUser = Omit<User, 'id'>

export function registerUser(
  username: Username,
  email: EmailAddress,
  passwordHash: PasswordHash,
  now: Date,
): NewUser {
  return {
    username,
    email,
    emailVerified: false,
    passwordHash,
    passwordVersion: 1,
    roles: [],
    createdAt: now,
    disabledAt: undefined,
    disabledReason: undefined,
    avatar: undefined,
    deletedAt: undefined,
  }
}

export const isDisabled = (user: User): boolean => user.disabledAt !== undefined

export const isDeleted = (user: User): boolean => user.deletedAt !== undefined

/** No password has it, and it is of our own kind: it does not count as one that was imported. */
const NO_HASH = '$argon2id$' as PasswordHash

/** What is left of a deleted person: a number. Its colon keeps it apart from every name and address. */
export const deleteUser = (user: User, now: Date): User => ({
  ...user,
  username: { text: `:${user.id}`, key: `:${user.id}` } as Username,
  email: { text: `:${user.id}`, key: `:${user.id}` } as EmailAddress,
  emailVerified: false,
  passwordHash: NO_HASH,
  passwordVersion: user.passwordVersion + 1,
  roles: [],
  disabledReason: undefined,
  avatar: undefined,
  deletedAt: now,
})

/** A new address has to be verified anew. */
export const changeEmail = (user: User, email: EmailAddress): User => ({
  ...user,
  email,
  emailVerified: user.emailVerified && user.email.key === email.key,
})

export const changePassword = (user: User, passwordHash: PasswordHash): User => ({
  ...user,
  passwordHash,
  passwordVersion: user.passwordVersion + 1,
})

export const disable = (user: User, reason: string, now: Date): User =>
  isDisabled(user) ? user : { ...user, disabledAt: now, disabledReason: reason }

export const enable = (user: User): User => ({ ...user, disabledAt: undefined, disabledReason: undefined })
