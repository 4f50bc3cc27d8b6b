import type { EmailAddress } from './email-address.ts'
import { changeEmail, type User, type UserId } from './user.ts'

/** How long a user may take an earlier address back. */
export const EMAIL_UNDO_SECONDS = 7 * 24 * 3600

/** A change of address, kept for as long as it may be undone. */
export interface EmailChange {
  readonly userId: UserId
  /** The `emailVersion` of the address that it set. */
  readonly version: number
  readonly previous: EmailAddress
  /**
   * Only a verified address gets a link that undoes the change. Somebody else may read the mail at an unverified one, because
   * the user mistyped it.
   */
  readonly previousWasVerified: boolean
  readonly changedAt: Date
}

/** Sets another address. There is nothing to undo if the user had none, or only its spelling changes. */
export function changedEmail(
  user: User,
  email: EmailAddress,
  now: Date,
): { readonly user: User; readonly change: EmailChange | undefined } {
  const changed = changeEmail(user, email)
  const { email: previous } = user
  if (previous === undefined || previous.key === email.key) return { user: changed, change: undefined }
  const change = {
    userId: user.id,
    version: changed.emailVersion,
    previous,
    previousWasVerified: user.emailVerified,
    changedAt: now,
  }
  return { user: changed, change }
}
