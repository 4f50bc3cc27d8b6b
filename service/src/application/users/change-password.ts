import { passwordChanged } from '../../domain/event.ts'
import { parseNewPassword } from '../../domain/password.ts'
import { changePassword as change } from '../../domain/user.ts'
import type { PasswordStrength } from '../ports/password-strength.ts'
import type { Transactions } from '../ports/transactions.ts'
import type { Caller } from '../sessions/authenticate.ts'
import { endSessions } from '../sessions/end-sessions.ts'
import { lockCaller } from '../sessions/lock-caller.ts'
import { validate } from '../validate.ts'
import { checkCurrentPassword, type CheckCurrentPasswordDeps } from './check-current-password.ts'
import { refuseWeakPassword } from './refuse-weak-password.ts'

export interface ChangePasswordDeps extends CheckCurrentPasswordDeps {
  readonly transactions: Transactions
  readonly passwordStrength: PasswordStrength
  readonly passwordMinimumLength: number
  readonly accessTokenTtlSeconds: number
}

/** Sets a new password and ends every session but the caller's. Throws `validation_failed`, `too_many_attempts`. */
export const changePassword =
  (deps: ChangePasswordDeps) =>
  async (caller: Caller, input: { currentPassword: string; newPassword: string }): Promise<void> => {
    const { new_password: password } = validate({
      new_password: () => parseNewPassword(input.newPassword, deps.passwordMinimumLength),
    })
    await checkCurrentPassword(deps)(caller.user, input.currentPassword)
    refuseWeakPassword(deps)('new_password', password, caller.user)
    const passwordHash = await deps.passwords.hash(password)
    await deps.transactions.transaction(async (tx) => {
      const now = deps.clock.now()
      const { user, live } = await lockCaller(tx, caller, now)
      await tx.users.save(change(user, passwordHash))
      await tx.outbox.add([passwordChanged(caller.session, now)])
      const others = live.filter(({ id }) => id !== caller.session.id)
      await endSessions(deps)(tx, others, 'password_changed')
    })
  }
