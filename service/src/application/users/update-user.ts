import { parseEmailAddress } from '../../domain/email-address.ts'
import { userUpdated } from '../../domain/event.ts'
import { InvalidValue } from '../../domain/invalid-value.ts'
import { isSignedInRecently } from '../../domain/session.ts'
import { changeEmail, type User } from '../../domain/user.ts'
import { parseUsername } from '../../domain/username.ts'
import { emailChangesOf } from '../attempt-budgets.ts'
import type { ApplicationError } from '../errors.ts'
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
  /** For callers that cannot ask for it: a sign-in on this session in the last minutes does as well (decision 18). */
  readonly recentSignInSuffices?: boolean
}

/** Changes name or address. Throws `validation_failed`, `username_taken`, `email_taken`, `too_many_attempts`. */
export const updateUser =
  (deps: UpdateUserDeps) =>
  async (caller: Caller, input: UpdateUserInput): Promise<User> => {
    const { username, email } = parseChanges(caller.user, input)
    if (email !== undefined) await requireProof(deps, caller, input)
    return deps.transactions.transaction(async (tx) => {
      const now = deps.clock.now()
      const { user } = await lockCaller(tx, caller, now)
      const renamed = { ...user, username: username ?? user.username }
      const updated = email === undefined ? renamed : changeEmail(renamed, email)
      const changed = (['username', 'email'] as const).filter(
        (field) => updated[field].text !== user[field].text,
      )
      if (changed.length === 0) return user
      await tx.users.save(updated)
      await tx.outbox.add([userUpdated(updated, changed, now)])
      return updated
    })
  }

/** What stays as it is, is not judged: names from before may break today's rules. */
function parseChanges(user: User, { username, email }: UpdateUserInput) {
  const parsed = validate({
    username: () => parseUnless(user.username, username, parseUsername),
    email: () => parseUnless(user.email, email, parseEmailAddress),
  })
  return { ...parsed, email: parsed.email?.text === user.email.text ? undefined : parsed.email }
}

function parseUnless<V extends { readonly text: string }>(
  present: V,
  typed: string | undefined,
  parse: (typed: string) => V,
): V | undefined {
  if (typed === undefined) return undefined
  return typed === present.text ? present : parse(typed)
}

/** Whoever holds the session has to know the password, too (ASVS 7.5.1). */
async function requireProof(deps: UpdateUserDeps, caller: Caller, input: UpdateUserInput): Promise<void> {
  const { user, session } = caller
  const { currentPassword, recentSignInSuffices = false } = input
  if (currentPassword !== undefined) return checkCurrentPassword(deps)(user, currentPassword)
  const now = deps.clock.now()
  if (!recentSignInSuffices) throw refuse('Give your current password to change the e-mail address.')
  if (!isSignedInRecently(session, now)) {
    throw refuse('To change the e-mail address, sign out, sign in again and do it within five minutes.')
  }
  await deps.attempts.take([emailChangesOf(user.id)], now)
}

const refuse = (message: string): ApplicationError =>
  refuseField('current_password', new InvalidValue('required', message))
