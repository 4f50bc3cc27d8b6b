import { parseEmailAddress } from '../../domain/email-address.ts'
import { userUpdated } from '../../domain/event.ts'
import { InvalidValue } from '../../domain/invalid-value.ts'
import { changeEmail, type User } from '../../domain/user.ts'
import { parseUsername } from '../../domain/username.ts'
import type { Transactions } from '../ports/transactions.ts'
import type { Caller } from '../sessions/authenticate.ts'
import { lockCaller } from '../sessions/lock-caller.ts'
import { refuseField, validate } from '../validate.ts'
import { checkCurrentPassword, type CheckCurrentPasswordDeps } from './check-current-password.ts'

export interface UpdateUserDeps extends CheckCurrentPasswordDeps {
  readonly transactions: Transactions
}

export interface UpdateUserInput {
  readonly username: string | undefined
  readonly email: string | undefined
  /** Needed to change the e-mail address. */
  readonly currentPassword: string | undefined
}

/** Changes name or address. Throws `validation_failed`, `username_taken`, `email_taken`, `too_many_attempts`. */
export const updateUser =
  (deps: UpdateUserDeps) =>
  async (caller: Caller, input: UpdateUserInput): Promise<User> => {
    const { username, email } = validate({
      username: () => (input.username === undefined ? undefined : parseUsername(input.username)),
      email: () => (input.email === undefined ? undefined : parseEmailAddress(input.email)),
    })
    const newEmail = email?.text === caller.user.email.text ? undefined : email
    if (newEmail !== undefined) await checkCurrentPassword(deps)(caller.user, requiredPassword(input))
    return deps.transactions.transaction(async (tx) => {
      const now = deps.clock.now()
      const { user } = await lockCaller(tx, caller, now)
      const renamed = { ...user, username: username ?? user.username }
      const updated = newEmail === undefined ? renamed : changeEmail(renamed, newEmail)
      const changed = (['username', 'email'] as const).filter(
        (field) => updated[field].text !== user[field].text,
      )
      if (changed.length === 0) return user
      await tx.users.save(updated)
      await tx.outbox.add([userUpdated(updated, changed, now)])
      return updated
    })
  }

function requiredPassword({ currentPassword }: UpdateUserInput): string {
  if (currentPassword !== undefined) return currentPassword
  const message = 'Give your current password to change the e-mail address.'
  throw refuseField('current_password', new InvalidValue('required', message))
}
