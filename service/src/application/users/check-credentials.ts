import type { ClientAddress } from '../../domain/device.ts'
import { emailKey } from '../../domain/email-address.ts'
import type { User } from '../../domain/user.ts'
import { usernameKey } from '../../domain/username.ts'
import { noteRefusal } from '../audit/note-refusal.ts'
import type { RefusalBuffer } from '../audit/refusal-buffer.ts'
import { successfulSignInsOf } from '../attempt-budgets.ts'
import { ApplicationError } from '../errors.ts'
import { signInShare } from '../hashing-shares.ts'
import type { AttemptBudget, AttemptLimits } from '../ports/attempt-limits.ts'
import type { Clock } from '../ports/clock.ts'
import type { HashingShare, PasswordHasher } from '../ports/password-hasher.ts'
import type { SignInCandidate, SignInName, Users } from '../ports/users.ts'
import { admitSignIn } from './admit-sign-in.ts'
import { makeCountedAttempt } from './count-attempt.ts'
import { refuseDisabled } from './refuse-disabled.ts'
import { renewPasswordHash } from './renew-password-hash.ts'
import { sellAttempt, type Purchase, type SellAttemptDeps } from './sell-attempt.ts'

export interface CheckCredentialsDeps extends SellAttemptDeps {
  readonly users: Users
  readonly passwords: PasswordHasher
  readonly attempts: AttemptLimits
  readonly refusals: Pick<RefusalBuffer, 'add'>
  readonly clock: Clock
}

interface Credentials {
  /** A username or an e-mail address, as typed. */
  readonly username: string
  readonly password: string
  readonly deviceId: string | undefined
  readonly address: ClientAddress
  readonly purchase: Purchase | undefined
}

/** A user whose password was right, and whether this place was known. */
export type CheckedCandidate = Pick<SignInCandidate, 'deviceIsKnown' | 'networkIsKnown'> & {
  readonly user: User
}

/**
 * Finds the user who signs in, within the attempt budgets. Does the same work for known and unknown users. Throws as
 * createSession does.
 */
export const checkCredentials =
  (deps: CheckCredentialsDeps) =>
  async (credentials: Credentials): Promise<CheckedCandidate> => {
    const { username, password, deviceId, address, purchase } = credentials
    const now = deps.clock.now()
    const key = signInName(username)
    const name = textOf(key, username)
    const shareIf = (isKnown: boolean): HashingShare => signInShare(address, name, isKnown)
    // A burst that cannot be served is refused before it costs the database anything. Only the look-up shows whether a
    // device is known, and others who use the name must not refuse a known one.
    if (deviceId === undefined) deps.passwords.requireCapacity(shareIf(true), shareIf(false))
    const subject = `sign-in ${address.network} ${name}`
    const { outdated, share, ...candidate } = await sellAttempt(deps)(
      purchase,
      { subject, now },
      (isBought) => findAndVerify(deps, { ...credentials, key, name, shareIf, isBought }, now),
    )
    const { user } = candidate
    await noteRefusal(deps)(signInOf(user), () => refuseDisabled(user, now))
    if (outdated) await renewPasswordHash(deps)(user, password, share)
    return candidate
  }

interface KeyedAttempt extends Credentials {
  readonly key: SignInName
  /** The typed name. Counted by it, and not by user: a shared budget would reveal which address belongs to which name. */
  readonly name: string
  readonly shareIf: (isKnown: boolean) => HashingShare
  readonly isBought: boolean
}

interface Verified extends CheckedCandidate {
  readonly outdated: boolean
  readonly share: HashingShare
}

/** The log names the account of a known user. For an unknown one it names nobody: a user may type the password there. */
const signInOf = (user: User | undefined) => ({ action: 'sign_in.refused', subject: user?.id }) as const

async function findAndVerify(
  deps: CheckCredentialsDeps,
  attempt: KeyedAttempt,
  now: Date,
): Promise<Verified> {
  const { key, deviceId, address } = attempt
  const found = await deps.users.findForSignIn(key, { deviceId, network: address.network })
  return noteRefusal(deps)(signInOf(found.user), () => verifyWithinBudgets(deps, attempt, found, now))
}

/**
 * Where the network has no attempts left, the password is still checked, with the same work for every name: a user who is
 * known there signs in, and everybody else gets the refusal. A wrong password must not show who is known there.
 */
async function verifyWithinBudgets(
  deps: CheckCredentialsDeps,
  attempt: KeyedAttempt,
  { user, foreignHashesInUse, ...known }: Awaited<ReturnType<Users['findForSignIn']>>,
  now: Date,
): Promise<Verified> {
  const { attempts, passwords } = deps
  const { name, password, deviceId, address, purchase, isBought } = attempt
  const knownDevice = known.deviceIsKnown ? deviceId : undefined
  const share = attempt.shareIf(known.deviceIsKnown || known.networkIsKnown)
  const asked = { name, address, knownDevice, canBuy: purchase !== undefined }
  passwords.requireCapacity(share)
  const { taken, refusal } = isBought ? BOUGHT : await admitSignIn(attempts)(asked, now)
  const { matches, outdated } = await makeCountedAttempt(attempts)(taken, now, () =>
    passwords.verify(password, user?.passwordHash, foreignHashesInUse, share),
  )
  if (refusal !== undefined && !(matches && known.networkIsKnown)) throw refusal
  if (user === undefined || !matches) throw new ApplicationError('invalid_credentials')
  await giveBackSuccess(attempts, user, { taken, now })
  return { ...known, user, outdated, share }
}

const BOUGHT = { taken: [], refusal: undefined }

/**
 * A right password is not a guess, so its attempt is given back. The count of earlier guesses stays: if it were reset, a
 * stranger would see that the user exists and has just signed in. Hashing costs, so more successes than are usual count.
 */
async function giveBackSuccess(
  attempts: AttemptLimits,
  { id }: User,
  { taken, now }: { readonly taken: readonly AttemptBudget[]; readonly now: Date },
): Promise<void> {
  try {
    await attempts.take([successfulSignInsOf(id)], now)
  } catch (error) {
    if (error instanceof ApplicationError && error.code === 'too_many_attempts') return
    throw error
  }
  await attempts.giveBack(taken, now)
}

/** A name with an `@` is an address: no username holds one. */
const signInName = (typed: string): SignInName =>
  typed.includes('@')
    ? { usernameKey: undefined, emailKey: emailKey(typed) }
    : { usernameKey: usernameKey(typed), emailKey: undefined }

/** The typed name in the spelling that all spellings of it share. */
const textOf = ({ usernameKey, emailKey }: SignInName, typed: string): string =>
  usernameKey ?? emailKey ?? typed
