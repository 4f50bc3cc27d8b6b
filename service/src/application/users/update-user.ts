import { userActor } from '../../domain/actor.ts'
import { hasUsedFactor } from '../../domain/authentication-methods.ts'
import { parseEmailAddress, type EmailAddress } from '../../domain/email-address.ts'
import { changedEmail } from '../../domain/email-change.ts'
import { emailChanged, userUpdated } from '../../domain/event.ts'
import { InvalidValue } from '../../domain/invalid-value.ts'
import { parseFreeUsername, type ReservedUsernames } from '../../domain/reserved-usernames.ts'
import { isAuthenticatedRecently, secondsAfter } from '../../domain/session.ts'
import { hasFactor, RELEASED_NAME_SECONDS, type User } from '../../domain/user.ts'
import type { Username } from '../../domain/username.ts'
import { emailChangesOf, renamesOf } from '../attempt-budgets.ts'
import type { ErrorCode } from '../errors.ts'
import type { RequestLimits } from '../ports/request-limits.ts'
import type { Transactions } from '../ports/transactions.ts'
import { nameTriesOf } from '../request-limits.ts'
import type { Caller } from '../sessions/caller.ts'
import { lockCaller } from '../sessions/lock-caller.ts'
import {
  requireRecentAuthentication,
  requireRecentFactor,
  type RequireRecentAuthenticationDeps,
} from '../sessions/require-recent-authentication.ts'
import { refuseField, validate } from '../validate.ts'
import { checkCurrentPassword, type CheckCurrentPasswordDeps } from './check-current-password.ts'
import { countSuccess } from './count-attempt.ts'

export interface UpdateUserDeps extends CheckCurrentPasswordDeps, RequireRecentAuthenticationDeps {
  readonly transactions: Transactions
  readonly requestLimits: RequestLimits
  readonly reservedUsernames: ReservedUsernames
  readonly mailIsOn: boolean
}

export interface UpdateUserInput {
  readonly username: string | undefined
  readonly email: string | undefined
  /** Replaces a recent authentication. */
  readonly currentPassword: string | undefined
  /** For clients that cannot ask for the password again: only a new address needs proof, and its field shows the refusal. */
  readonly cannotReauthenticate?: boolean
}

export const updateUserErrors = [
  'validation_failed',
  'username_taken',
  'email_taken',
  'reauthentication_required',
  'too_many_attempts',
  'overloaded',
  'invalid_access_token',
  'session_ended',
] as const satisfies readonly ErrorCode[]

/**
 * Changes name or address, after a recent authentication or with the current password (ASVS 7.5.1). The old name stays
 * reserved for 90 days, and only this user may take it back. With mail, a taken address makes no difference. Throws `validation_failed`, `reauthentication_required`,
 * `username_taken`, `email_taken`, `too_many_attempts`.
 */
export const updateUser =
  (deps: UpdateUserDeps) =>
  async (caller: Caller, input: UpdateUserInput): Promise<User> => {
    const changes = parseChanges(deps, caller.user, input)
    const { username, email } = changes
    if (username !== undefined || email !== undefined) await requireProof(deps, caller, input, changes)
    if (email !== undefined) await deps.attempts.take([emailChangesOf(caller.user.id)], deps.clock.now())
    if (username === undefined) return saveChanges(deps, caller, changes)
    const now = deps.clock.now()
    deps.requestLimits.count(nameTriesOf(caller.user.id), now)
    return countSuccess(deps.attempts)(renamesOf(caller.user.id), now, () =>
      saveChanges(deps, caller, changes),
    )
  }

interface Changes {
  readonly username: Username | undefined
  readonly email: EmailAddress | undefined
}

const saveChanges = (
  { transactions, clock, mailIsOn }: UpdateUserDeps,
  caller: Caller,
  { username, email }: Changes,
): Promise<User> =>
  transactions.transaction(userActor(caller.user.id), async (tx) => {
    const now = clock.now()
    const { user } = await lockCaller(tx, caller, now)
    const renamed = { ...user, username: username ?? user.username }
    const { user: updated, change } =
      email === undefined ? { user: renamed } : changedEmail(renamed, email, now)
    const changed = (['username', 'email'] as const).filter(
      (field) => updated[field]?.text !== user[field]?.text,
    )
    if (changed.length === 0) return user
    if (changed.includes('username')) {
      await tx.users.holdName(user.username, secondsAfter(now, RELEASED_NAME_SECONDS), user.id)
    }
    await tx.users.save(updated)
    if (email !== undefined && !mailIsOn) await tx.users.requireOnlyHolder(updated)
    if (change !== undefined) {
      await tx.emailChanges.add(change)
      await tx.outbox.add([emailChanged(user.id, updated.emailVersion, now)])
    }
    await tx.outbox.add([userUpdated(updated, changed, now)])
    return updated
  })

/** An unchanged value is not checked: an older name may break the rules of today. */
function parseChanges(
  { reservedUsernames }: UpdateUserDeps,
  user: User,
  { username, email }: UpdateUserInput,
): Changes {
  const parsed = validate({
    username: () => parseUnless(user.username, username, parseFreeUsername(reservedUsernames)),
    email: () => parseUnless(user.email, email, parseEmailAddress),
  })
  return {
    username: parsed.username?.text === user.username.text ? undefined : parsed.username,
    email: parsed.email?.text === user.email?.text ? undefined : parsed.email,
  }
}

function parseUnless<V extends { readonly text: string }>(
  present: V | undefined,
  typed: string | undefined,
  parse: (typed: string) => V,
): V | undefined {
  if (typed === undefined) return undefined
  return typed === present?.text ? present : parse(typed)
}

async function requireProof(
  deps: UpdateUserDeps,
  caller: Caller,
  { currentPassword, cannotReauthenticate = false }: UpdateUserInput,
  { email }: Changes,
): Promise<void> {
  if (!cannotReauthenticate) requireRecentFactor(deps)(caller)
  if (currentPassword !== undefined) await checkCurrentPassword(deps)(caller, currentPassword)
  else if (!cannotReauthenticate) requireRecentAuthentication(deps)(caller)
  if (cannotReauthenticate && email !== undefined) requireProofForAddress(deps, caller, currentPassword)
}

/** For clients that cannot ask for the password again, nor for a code. The field of the form shows the refusal. */
function requireProofForAddress(
  { clock, recentAuthenticationTtlSeconds: ttlSeconds }: UpdateUserDeps,
  { user, session }: Caller,
  currentPassword: string | undefined,
): void {
  const isRecent = isAuthenticatedRecently(session, clock.now(), ttlSeconds)
  const isProven = hasFactor(user)
    ? isRecent && hasUsedFactor(session.amr)
    : isRecent || currentPassword !== undefined
  if (isProven) return
  const advice = hasFactor(user)
    ? 'This account has a second factor. Change its e-mail address in an app that asks for a code.'
    : 'To change the e-mail address, sign out and sign in again. Then change it within a few minutes.'
  throw refuseField('current_password', new InvalidValue('required', advice))
}
