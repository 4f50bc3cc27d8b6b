import type { ClientAddress } from '../../domain/device.ts'
import { emailKey } from '../../domain/email-address.ts'
import { isDisabled, type User } from '../../domain/user.ts'
import { usernameKey } from '../../domain/username.ts'
import { signInsFrom, signInsTo } from '../attempt-budgets.ts'
import { ApplicationError } from '../errors.ts'
import type { AttemptLimits } from '../ports/attempt-limits.ts'
import type { Clock } from '../ports/clock.ts'
import type { PasswordHasher } from '../ports/password-hasher.ts'
import type { SignInCandidate, SignInName, Users } from '../ports/users.ts'
import { countAttempt } from './count-attempt.ts'
import { renewPasswordHash } from './renew-password-hash.ts'

export interface CheckCredentialsDeps {
  readonly users: Users
  readonly passwords: PasswordHasher
  readonly attempts: AttemptLimits
  readonly clock: Clock
}

interface Credentials {
  /** A username or an e-mail address, as typed. */
  readonly username: string
  readonly password: string
  readonly deviceId: string | undefined
  readonly address: ClientAddress
}

/**
 * Finds out who signs in, within their attempt budgets; the same work for known and unknown people. Throws as
 * createSession says.
 */
export const checkCredentials =
  (deps: CheckCredentialsDeps) =>
  async ({ username, password, deviceId, address }: Credentials): Promise<User> => {
    const { users, passwords, attempts, clock } = deps
    // A crowd that cannot be served is sent away before it costs the database anything.
    passwords.requireRoom()
    const now = clock.now()
    const name = signInName(username)
    const byNetwork = signInsFrom(address)
    // Whoever claims a device may be let past the network's budget, which takes the look-up to tell.
    if (deviceId === undefined) await attempts.check([byNetwork], now)
    const candidate = await users.findForSignIn(name, { deviceId, network: address.network })
    const { user, deviceIsKnown, foreignHashesInUse } = candidate
    // Counted by what was typed, not by person: a shared budget would tell which address belongs to which name.
    const typedName = name.usernameKey ?? name.emailKey ?? username
    const byName = signInsTo(typedName, knownPlace(candidate, deviceId, address))
    // Guesses of strangers in its network keep no known device out.
    const shared = deviceIsKnown ? [] : [byNetwork]
    const { matches, outdated } = await countAttempt({ attempts, room: passwords })(
      [...shared, byName],
      now,
      () => passwords.verify(password, user?.passwordHash, foreignHashesInUse),
    )
    if (user === undefined || !matches) throw new ApplicationError('invalid_credentials')
    await attempts.prove(byName, shared, now)
    if (isDisabled(user)) throw new ApplicationError('user_disabled')
    if (outdated) await renewPasswordHash(deps)(user, password)
    return user
  }

/** Never a device id that is only claimed: each new one would bring a new budget. */
function knownPlace(
  { deviceIsKnown, networkIsKnown }: SignInCandidate,
  deviceId: string | undefined,
  { network }: ClientAddress,
): string | undefined {
  if (deviceIsKnown) return deviceId
  return networkIsKnown ? network : undefined
}

/** A name with an `@` is an address: no username holds one. */
const signInName = (typed: string): SignInName =>
  typed.includes('@')
    ? { usernameKey: undefined, emailKey: emailKey(typed) }
    : { usernameKey: usernameKey(typed), emailKey: undefined }
