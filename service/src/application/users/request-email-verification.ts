import { userActor } from '../../domain/actor.ts'
import { emailVerificationRequested } from '../../domain/event.ts'
import { InvalidValue } from '../../domain/invalid-value.ts'
import { emailVerificationsOf } from '../attempt-budgets.ts'
import { ApplicationError, type ErrorCode } from '../errors.ts'
import type { AttemptLimits } from '../ports/attempt-limits.ts'
import type { Clock } from '../ports/clock.ts'
import type { Transactions } from '../ports/transactions.ts'
import type { Caller } from '../sessions/caller.ts'
import { lockCaller } from '../sessions/lock-caller.ts'
import { refuseField } from '../validate.ts'

export interface RequestEmailVerificationDeps {
  readonly transactions: Transactions
  readonly attempts: AttemptLimits
  readonly clock: Clock
  readonly mailIsOn: boolean
}

export const requestEmailVerificationErrors = [
  'no_mail',
  'validation_failed',
  'too_many_attempts',
  'invalid_access_token',
  'session_ended',
] as const satisfies readonly ErrorCode[]

/**
 * Sends the caller another mail that verifies the address; none if it is verified. Throws `no_mail`, `validation_failed` if
 * there is no address, `too_many_attempts`.
 */
export const requestEmailVerification =
  ({ transactions, attempts, clock, mailIsOn }: RequestEmailVerificationDeps) =>
  async (caller: Caller): Promise<void> => {
    if (!mailIsOn) throw new ApplicationError('no_mail')
    const { id } = caller.user
    if (caller.user.email === undefined) throw refuseField('email', new InvalidValue('required', ADVICE))
    await attempts.take([emailVerificationsOf(id)], clock.now())
    await transactions.transaction(userActor(id), async (tx) => {
      const now = clock.now()
      const { user } = await lockCaller(tx, caller, now)
      if (!user.emailVerified) await tx.outbox.add([emailVerificationRequested(id, user.emailVersion, now)])
    })
  }

const ADVICE = 'Your account has no e-mail address. Set one with PATCH /v1/users/me.'
