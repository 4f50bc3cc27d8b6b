import type { Actor } from '../../domain/actor.ts'
import { ApplicationError, type ErrorCode } from '../errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { Transactions } from '../ports/transactions.ts'

export const revokeInvitationErrors = ['invitation_not_found'] as const satisfies readonly ErrorCode[]

/** Makes an invitation worthless. Users who signed up with it stay. Throws `invitation_not_found`. */
export const revokeInvitation =
  ({ transactions, clock }: { transactions: Transactions; clock: Clock }) =>
  (actor: Actor, id: number): Promise<void> =>
    transactions.transaction(actor, async (tx) => {
      if (!(await tx.invitations.revoke(id, clock.now()))) throw new ApplicationError('invitation_not_found')
    })
