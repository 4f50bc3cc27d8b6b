import type { Invitation } from '../../domain/invitation.ts'
import type { Invitations } from '../ports/invitations.ts'

export interface InvitationPage {
  readonly items: readonly Invitation[]
  /** The next page has those with a lower id; undefined after the last. */
  readonly next: number | undefined
}

/** A page of the invitations, newest first. */
export const listInvitations =
  ({ invitations }: { invitations: Invitations }) =>
  async (before: number | undefined, limit: number): Promise<InvitationPage> => {
    // One more than requested shows whether there is another page.
    const found = await invitations.list(before, limit + 1)
    const items = found.slice(0, limit)
    return { items, next: found.length > limit ? items.at(-1)?.id : undefined }
  }
