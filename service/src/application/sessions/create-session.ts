import { userActor } from '../../domain/actor.ts'
import { parseDeviceId, parseDeviceName, type ClientAddress, type Device } from '../../domain/device.ts'
import { sessionCreated } from '../../domain/event.ts'
import { displacedBy, startSession, type Session, type SessionLimits } from '../../domain/session.ts'
import { hasFactor, type User } from '../../domain/user.ts'
import { noteRefusal } from '../audit/note-refusal.ts'
import { ApplicationError, unavailable, type ErrorCode } from '../errors.ts'
import type { AccessTokens } from '../ports/access-tokens.ts'
import type { RefreshTokens } from '../ports/refresh-tokens.ts'
import type { SessionIds } from '../ports/session-ids.ts'
import type { Transaction, Transactions } from '../ports/transactions.ts'
import {
  checkCredentials,
  type CheckCredentialsDeps,
  type CheckedCandidate,
} from '../users/check-credentials.ts'
import { refuseDisabled } from '../users/refuse-disabled.ts'
import type { Purchase } from '../users/sell-attempt.ts'
import { validate } from '../validate.ts'
import { endSessions, type EndSessionsDeps } from './end-sessions.ts'
import { issueChallenge, type IssueChallengeDeps, type IssuedChallenge } from './issue-challenge.ts'
import { issueTokens, type IssuedTokens } from './issue-tokens.ts'

export interface BeginSessionDeps extends EndSessionsDeps {
  readonly sessionIds: SessionIds
  readonly sessionLimits: SessionLimits
  readonly maximumSessionsPerUser: number
}

export interface CreateSessionDeps extends CheckCredentialsDeps, BeginSessionDeps, IssueChallengeDeps {
  readonly transactions: Transactions
  readonly accessTokens: AccessTokens
  readonly refreshTokens: RefreshTokens
}

export interface CreateSessionInput {
  /** A username or an e-mail address, as typed. */
  readonly username: string
  readonly password: string
  readonly deviceId: string | undefined
  readonly deviceName: string | undefined
  /** A name for the device, when the client gave none. */
  readonly describedDevice: string
  readonly userAgent: string
  readonly address: ClientAddress
  readonly purchase: Purchase | undefined
  /** False for clients that cannot ask for a second factor, such as those of the older routes. */
  readonly takesChallenge: boolean
}

export const createSessionErrors = [
  'validation_failed',
  'invalid_credentials',
  'user_disabled',
  'second_factor_required',
  'too_many_attempts',
  'overloaded',
] as const satisfies readonly ErrorCode[]

/**
 * Signs a user in, or, if the user has a second factor, returns a challenge for it and starts no session. Throws
 * `invalid_credentials` alike for an unknown name and a wrong password, `user_disabled` only with the right password,
 * `too_many_attempts`, `overloaded`, `validation_failed` for a malformed device, and `second_factor_required` to a client that
 * cannot ask for it.
 */
export const createSession =
  (deps: CreateSessionDeps) =>
  async (input: CreateSessionInput): Promise<IssuedTokens | IssuedChallenge> => {
    const device = parseDevice(input)
    const candidate = await checkCredentials(deps)(input)
    const { user: checked } = candidate
    const about = { action: 'sign_in.refused', subject: checked.id } as const
    if (hasFactor(checked)) {
      return noteRefusal(deps)(about, () => challengeFor(deps, candidate, { device, ...input }))
    }
    const now = deps.clock.now()
    const session = await noteRefusal(deps)(about, () =>
      deps.transactions.transaction(userActor(checked.id), async (tx) => {
        const user = await lockUnchanged(tx, checked, now)
        return beginSession(deps)(tx, user, { device, network: input.address.network, amr: ['pwd'], now })
      }),
    )
    // After the commit: tokens of a session that was rolled back would be valid until they expire.
    return issueTokens(deps)(session, now)
  }

function challengeFor(
  deps: CreateSessionDeps,
  candidate: CheckedCandidate,
  { device, address, takesChallenge }: CreateSessionInput & { readonly device: Device },
): Promise<IssuedChallenge> {
  if (!takesChallenge) throw new ApplicationError('second_factor_required')
  return issueChallenge(deps)(candidate, { device, network: address.network })
}

interface NewSession {
  readonly device: Device
  readonly network: string
  readonly amr: readonly string[]
  readonly now: Date
}

/** Starts a session of a user who has proven everything that is needed. The caller has locked the user in `tx`. */
export const beginSession =
  (deps: BeginSessionDeps) =>
  async (tx: Transaction, user: User, { device, network, amr, now }: NewSession): Promise<Session> => {
    const person = { userId: user.id, device, amr, roles: user.roles }
    const session = startSession({ id: deps.sessionIds.next(), ...person }, deps.sessionLimits, now)
    const isNewPlace = await tx.sessions.isNewPlace(user.id, { deviceId: device.id, network })
    await makeRoom(deps, tx, session, now)
    await tx.sessions.add(session)
    await tx.outbox.add([sessionCreated(session, isNewPlace)])
    return session
  }

function parseDevice(input: CreateSessionInput): Device {
  const { device_id, device_name } = validate({
    device_id: () => (input.deviceId === undefined ? undefined : parseDeviceId(input.deviceId)),
    device_name: () => (input.deviceName === undefined ? undefined : parseDeviceName(input.deviceName)),
  })
  return {
    id: device_id,
    name: device_name ?? input.describedDevice,
    userAgent: input.userAgent,
    address: input.address.text,
  }
}

/**
 * The password was checked before the transaction, because hashing must not hold locks. Since then it may have been changed
 * or the user disabled; without this check such a sign-in would get a session.
 */
async function lockUnchanged(tx: Transaction, checked: User, now: Date): Promise<User> {
  const user = await tx.users.lock(checked.id)
  if (user?.passwordVersion !== checked.passwordVersion) throw new ApplicationError('invalid_credentials')
  // The factors changed during this sign-in, so the password may not be enough: the next attempt gets a challenge.
  if (user.factorsVersion !== checked.factorsVersion)
    throw unavailable('The second factors of this account have just changed.', 1)
  refuseDisabled(user, now)
  return user
}

async function makeRoom(deps: BeginSessionDeps, tx: Transaction, next: Session, now: Date): Promise<void> {
  const end = endSessions(deps)
  const live = await tx.sessions.lockLive(next.userId, now)
  const replaced = live.filter(({ device }) => device.id !== undefined && device.id === next.device.id)
  await end(tx, replaced, 'replaced')
  const others = live.filter((session) => !replaced.includes(session))
  await end(tx, displacedBy(others, deps.maximumSessionsPerUser), 'displaced')
}
