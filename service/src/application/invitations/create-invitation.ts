import type { Actor } from '../../domain/actor.ts'
import { expiryOfInvitation, type Invitation } from '../../domain/invitation.ts'
import type { ErrorCode } from '../errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { Transactions } from '../ports/transactions.ts'
import { validate } from '../validate.ts'

interface WantedInvitation {
  /** How many users may sign up with it. */
  readonly uses: number
  /** Undefined for a week from now. */
  readonly expiresAt: Date | undefined
  readonly note: string | undefined
}

export const createInvitationErrors = ['validation_failed'] as const satisfies readonly ErrorCode[]

/** Makes an invitation for an operator. The token is returned this once. Throws `validation_failed`. */
export const createInvitation =
  ({ transactions, clock }: { transactions: Transactions; clock: Clock }) =>
  async (
    actor: Actor,
    { uses, expiresAt, note }: WantedInvitation,
  ): Promise<{ readonly invitation: Invitation; readonly token: string }> => {
    const createdAt = clock.now()
    const { expires_at } = validate({ expires_at: () => expiryOfInvitation(expiresAt, createdAt) })
    return transactions.transaction(actor, (tx) =>
      tx.invitations.add({ uses, note, createdAt, expiresAt: expires_at }),
    )
  }
