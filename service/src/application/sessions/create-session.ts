import { userActor } from '../../domain/actor.ts'
import { parseDeviceId, parseDeviceName, type ClientAddress, type Device } from '../../domain/device.ts'
import { sessionCreated } from '../../domain/event.ts'
import { displacedBy, startSession, type Session, type SessionLimits } from '../../domain/session.ts'
import type { User } from '../../domain/user.ts'
import { noteRefusal } from '../audit/note-refusal.ts'
import { ApplicationError, type ErrorCode } from '../errors.ts'
import type { AccessTokens } from '../ports/access-tokens.ts'
import type { RefreshTokens } from '../ports/refresh-tokens.ts'
import type { SessionIds } from '../ports/session-ids.ts'
import type { Transaction, Transactions } from '../ports/transactions.ts'
import { checkCredentials, type CheckCredentialsDeps } from '../users/check-credentials.ts'
import { refuseDisabled } from '../users/refuse-disabled.ts'
import type { Purchase } from '../users/sell-attempt.ts'
import { validate } from '../validate.ts'
import { endSessions } from './end-sessions.ts'
import { issueTokens, type IssuedTokens } from './issue-tokens.ts'

export interface CreateSessionDeps extends CheckCredentialsDeps {
  readonly transactions: Transactions
  readonly accessTokens: AccessTokens
  readonly refreshTokens: RefreshTokens
  readonly sessionIds: SessionIds
  readonly sessionLimits: SessionLimits
  readonly maximumSessionsPerUser: number
  readonly accessTokenTtlSeconds: number
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
}

export const createSessionErrors = [
  'validation_failed',
  'invalid_credentials',
  'user_disabled',
  'too_many_attempts',
  'overloaded',
] as const satisfies readonly ErrorCode[]

/**
 * Signs a user in. Throws `invalid_credentials` alike for an unknown name and a wrong password, `user_disabled` only
 * with the right password, `too_many_attempts`, `overloaded`, `validation_failed` for a malformed device.
 */
export const createSession =
  (deps: CreateSessionDeps) =>
  async (input: CreateSessionInput): Promise<IssuedTokens> => {
    const device = parseDevice(input)
    const checked = await checkCredentials(deps)(input)
    const now = deps.clock.now()
    const session = await noteRefusal(deps)({ action: 'sign_in.refused', subject: checked.id }, () =>
      deps.transactions.transaction(userActor(checked.id), async (tx) => {
        const user = await lockUnchanged(tx, checked, now)
        const person = { userId: user.id, device, amr: ['pwd'], roles: user.roles }
        const session = startSession({ id: deps.sessionIds.next(), ...person }, deps.sessionLimits, now)
        const from = { deviceId: device.id, network: input.address.network }
        const isNewPlace = await tx.sessions.isNewPlace(user.id, from)
        await makeRoom(deps, tx, session, now)
        await tx.sessions.add(session)
        await tx.outbox.add([sessionCreated(session, isNewPlace)])
        return session
      }),
    )
    // After the commit: tokens of a session that was rolled back would be valid until they expire.
    return issueTokens(deps)(session, now)
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
  refuseDisabled(user, now)
  return user
}

async function makeRoom(deps: CreateSessionDeps, tx: Transaction, next: Session, now: Date): Promise<void> {
  const end = endSessions(deps)
  const live = await tx.sessions.lockLive(next.userId, now)
  const replaced = live.filter(({ device }) => device.id !== undefined && device.id === next.device.id)
  await end(tx, replaced, 'replaced')
  const others = live.filter((session) => !replaced.includes(session))
  await end(tx, displacedBy(others, deps.maximumSessionsPerUser), 'displaced')
}
