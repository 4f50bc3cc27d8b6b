import type { Invitation, NewInvitation } from '../../domain/invitation.ts'

export interface Invitations {
  /** Whether `spend` would succeed. Does the same work for any token. */
  isValid(token: string, now: Date): Promise<boolean>

  /** Up to `limit` invitations, used up and expired ones included, newest first; those with a lower id than `before`. */
  list(before: number | undefined, limit: number): Promise<readonly Invitation[]>
}

/** The changes. Creating and revoking is recorded in the audit log by the same statement. */
export interface InvitationsInTransaction {
  /** Returns the token too, which is random and cannot be read again. */
  add(invitation: NewInvitation): Promise<{ readonly invitation: Invitation; readonly token: string }>

  /**
   * Takes one use and returns the id; undefined if the token is unknown, used up or expired. Of parallel calls no more succeed
   * than there are uses. The use is given back if the transaction fails.
   */
  spend(token: string, now: Date): Promise<number | undefined>

  /** Returns whether there was an invitation with this id. */
  revoke(id: number, now: Date): Promise<boolean>
}
