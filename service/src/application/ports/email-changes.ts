import type { EmailChange } from '../../domain/email-change.ts'
import type { UserId } from '../../domain/user.ts'

/** Changes of addresses, kept for as long as they may be undone. */
export interface EmailChanges {
  /** The change that set the address of this version. Undefined if it was undone, or is too long ago. */
  find(userId: UserId, version: number): Promise<EmailChange | undefined>

  /** The changes of a user, newest first. The budget of changes keeps them few. */
  list(userId: UserId): Promise<readonly EmailChange[]>

  /** Removes up to `limit` changes that can no longer be undone. Returns how many. */
  removeOld(now: Date, limit: number): Promise<number>
}

/** The caller holds the user's lock. */
export interface EmailChangesInTransaction {
  add(change: EmailChange): Promise<void>

  /** As `EmailChanges.find`. */
  find(userId: UserId, version: number): Promise<EmailChange | undefined>

  /** Removes the change that set the address of this version, and all later ones. Earlier ones can still be undone. */
  removeFrom(userId: UserId, version: number): Promise<void>

  /** Removes all changes of the user. */
  forget(userId: UserId): Promise<void>
}
