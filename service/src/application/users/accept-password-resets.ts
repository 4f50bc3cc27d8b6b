import { SYSTEM } from '../../domain/actor.ts'
import { passwordResetRequested } from '../../domain/event.ts'
import { isDisabled } from '../../domain/user.ts'
import type { Clock } from '../ports/clock.ts'
import type { Transactions } from '../ports/transactions.ts'

/**
 * Finds the users for whom somebody asked for a new password, and adds the events that mails follow from. Up to `limit`
 * requests; returns how many. Disabled users get none.
 */
export const acceptPasswordResets =
  ({ transactions, clock }: { transactions: Transactions; clock: Clock }) =>
  (limit: number): Promise<number> =>
    transactions.transaction(SYSTEM, async (tx) => {
      const now = clock.now()
      const emailKeys = await tx.passwordResetRequests.take(limit)
      const recipients = await tx.users.lockRecipients([...new Set(emailKeys)])
      const enabled = recipients.filter((user) => !isDisabled(user, now))
      await tx.outbox.add(enabled.map((user) => passwordResetRequested(user, now)))
      return emailKeys.length
    })
