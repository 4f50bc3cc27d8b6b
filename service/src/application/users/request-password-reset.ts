import type { ClientAddress } from '../../domain/device.ts'
import { parseEmailAddress } from '../../domain/email-address.ts'
import { passwordResetMailsTo, passwordResetsFrom } from '../attempt-budgets.ts'
import { ApplicationError, type ErrorCode } from '../errors.ts'
import type { AttemptBudget, AttemptLimits } from '../ports/attempt-limits.ts'
import type { Clock } from '../ports/clock.ts'
import type { PasswordResetRequests } from '../ports/password-reset-requests.ts'
import { validate } from '../validate.ts'
import { sellAttempt, type Purchase, type SellAttemptDeps } from './sell-attempt.ts'

export interface RequestPasswordResetDeps extends SellAttemptDeps {
  readonly passwordResetRequests: PasswordResetRequests
  readonly attempts: AttemptLimits
  readonly clock: Clock
  /** Whether the service sends mail. */
  readonly mailIsOn: boolean
}

export interface RequestPasswordResetInput {
  readonly email: string
  readonly address: ClientAddress
  readonly purchase: Purchase | undefined
}

export const requestPasswordResetErrors = [
  'no_mail',
  'validation_failed',
  'too_many_attempts',
] as const satisfies readonly ErrorCode[]

/**
 * Asks for a mail with a link for a new password. It only stores the request, and does not look for a user: so nothing shows
 * whether there is one (ASVS 6.3.8). See `acceptPasswordResets`. Throws `no_mail`, `validation_failed`, `too_many_attempts`.
 */
export const requestPasswordReset =
  (deps: RequestPasswordResetDeps) =>
  async (input: RequestPasswordResetInput): Promise<void> => {
    const { email } = validate({ email: () => parseEmailAddress(input.email) })
    if (!deps.mailIsOn) throw new ApplicationError('no_mail')
    const now = deps.clock.now()
    const subject = `password-reset ${input.address.network}`
    await sellAttempt(deps)(input.purchase, { subject, now }, async (isBought) => {
      if (!isBought) await deps.attempts.take(passwordResetsFrom(input.address), now)
    })
    if (await isWithin(deps.attempts, passwordResetMailsTo(email.key), now)) {
      await deps.passwordResetRequests.add(email.key, now)
    }
  }

/** Of one address more mails are not sent. The caller may be a stranger and learns nothing about it. */
async function isWithin(attempts: AttemptLimits, budget: AttemptBudget, now: Date): Promise<boolean> {
  try {
    await attempts.take([budget], now)
    return true
  } catch (error) {
    if (error instanceof ApplicationError && error.code === 'too_many_attempts') return false
    throw error
  }
}
