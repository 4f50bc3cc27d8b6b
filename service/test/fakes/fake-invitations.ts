import type { Invitations, InvitationsInTransaction } from '../../src/application/ports/invitations.ts'
import type { Actor, Author } from '../../src/domain/actor.ts'
import type { Invitation } from '../../src/domain/invitation.ts'
import { currentOrigin } from '../../src/infrastructure/context/request-origin.ts'
import { record } from './fake-audit-log.ts'
import type { Read, World } from './fake-world.ts'

const isUsable = (invitation: Invitation | undefined, now: Date): invitation is Invitation =>
  invitation !== undefined && invitation.usesLeft > 0 && invitation.expiresAt > now

export const fakeInvitations = (read: Read): Invitations => ({
  isValid: (token, now) => read(({ invitations }) => isUsable(invitations.get(token), now)),
  list: (before, limit) =>
    read(({ invitations }) =>
      [...invitations.values()]
        .filter(({ id }) => before === undefined || id < before)
        .toSorted((a, b) => b.id - a.id)
        .slice(0, limit),
    ),
})

export function fakeInvitationsInTransaction(
  { invitations, audit }: World,
  author: Author,
): InvitationsInTransaction {
  const note = (action: string, { id, uses, usesLeft, expiresAt }: Invitation, at: Date): void => {
    const { ip, userAgent, requestId } = currentOrigin() ?? {}
    const data = { invitation_id: id, uses, uses_left: usesLeft, expires_at: expiresAt }
    const actor = author as Actor
    record(audit, [{ at, actor, action, ip, userAgent, requestId, result: 'success', data }])
  }
  return {
    add: async (added) => {
      await Promise.resolve()
      const token = crypto.randomUUID()
      const id = invitations.size + 1
      const invitation = { ...added, id, usesLeft: added.uses, createdBy: author as Actor }
      invitations.set(token, invitation)
      note('invitation.created', invitation, added.createdAt)
      return { invitation, token }
    },
    spend: async (token, now) => {
      await Promise.resolve()
      const invitation = invitations.get(token)
      if (!isUsable(invitation, now)) return undefined
      invitations.set(token, { ...invitation, usesLeft: invitation.usesLeft - 1 })
      return invitation.id
    },
    revoke: async (id, now) => {
      await Promise.resolve()
      const [token, invitation] = [...invitations].find(([, each]) => each.id === id) ?? []
      if (token === undefined || invitation === undefined) return false
      invitations.delete(token)
      note('invitation.revoked', invitation, now)
      return true
    },
  }
}
