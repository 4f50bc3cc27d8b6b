import { userActor } from '../../domain/actor.ts'
import { emailVerified } from '../../domain/event.ts'
import { verifyEmail as verified, type User } from '../../domain/user.ts'
import { ApplicationError, type ErrorCode } from '../errors.ts'
import type { Transactions } from '../ports/transactions.ts'
import { followMailLink, type FollowedLink, type FollowMailLinkDeps } from './follow-mail-link.ts'

export interface VerifyEmailDeps extends FollowMailLinkDeps {
  readonly transactions: Transactions
}

export const verifyEmailErrors = [
  'link_gone',
  'email_taken',
  'too_many_attempts',
] as const satisfies readonly ErrorCode[]

/**
 * Verifies the address to which the link was sent, once. Throws `link_gone`, `email_taken` if another user has verified the
 * address before, `too_many_attempts`.
 */
export const verifyEmail =
  (deps: VerifyEmailDeps) =>
  (link: FollowedLink): Promise<User> =>
    followMailLink(deps)(link, 'verify_email', ({ userId, emailVersion }) =>
      deps.transactions.transaction(userActor(userId), async (tx) => {
        const user = await tx.users.lock(userId)
        if (user?.emailVersion !== emailVersion || user.emailVerified) throw new ApplicationError('link_gone')
        if (await tx.users.isVerifiedByAnother(user)) throw new ApplicationError('email_taken')
        const saved = verified(user)
        await tx.users.save(saved)
        await tx.outbox.add([emailVerified(userId, deps.clock.now())])
        return saved
      }),
    )
