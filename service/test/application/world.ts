import type { ClientAddress } from '../../src/domain/device.ts'
import type { NewUser, User } from '../../src/domain/user.ts'
import type { PasswordHash } from '../../src/domain/password.ts'
import { reserveUsernames } from '../../src/domain/reserved-usernames.ts'
import { MemoryRequestLimits } from '../../src/infrastructure/process/memory-request-limits.ts'
import { createRefusalBuffer } from '../../src/application/audit/refusal-buffer.ts'
import { currentOrigin } from '../../src/infrastructure/context/request-origin.ts'
import { createRevocationFeed } from '../../src/application/revocations/revocation-feed.ts'
import { createReceiptBuffer } from '../../src/application/sessions/receipt-buffer.ts'
import type { CreateSessionInput } from '../../src/application/sessions/create-session.ts'
import { createUseCases, type UseCaseDeps } from '../../src/application/use-cases.ts'
import { addUser } from '../contracts/store.ts'
import { FakeAttemptLimits } from '../fakes/fake-attempt-limits.ts'
import { FakeDeliveries } from '../fakes/fake-deliveries.ts'
import { fakeMailLinks } from '../fakes/fake-mail-links.ts'
import { FakePasswordHasher } from '../fakes/fake-password-hasher.ts'
import { FakePasswordStrength } from '../fakes/fake-password-strength.ts'
import { FakePictures } from '../fakes/fake-pictures.ts'
import { FakeProofOfWork } from '../fakes/fake-proof-of-work.ts'
import { FakeSpentProofs } from '../fakes/fake-spent-proofs.ts'
import { createFakeStore } from '../fakes/fake-store.ts'
import { FakeRevocationLog } from '../fakes/fake-revocation-log.ts'
import { FakeReceiptProofs } from '../fakes/fake-receipt-proofs.ts'
import { FakeRecoveryCodes, FakeSignInChallenges, FakeTotpSecrets } from '../fakes/fake-factor-secrets.ts'
import { FakeTickets } from '../fakes/fake-tickets.ts'
import { FakeAccessTokens, FakeRefreshTokens } from '../fakes/fake-tokens.ts'
import { demandingLocks } from '../fakes/lock-demanding-transactions.ts'
import { at, DAY, sessionId } from '../support/builders.ts'

export const ttlSeconds = 600
export const recentSeconds = 900
export const limits = { idleSeconds: 30 * DAY, absoluteSeconds: 180 * DAY }
export const password = 'correct horse'
export const home: ClientAddress = { text: '203.0.113.7', network: '203.0.113.7/32', widerNetworks: [] }
export const away: ClientAddress = { text: '198.51.100.9', network: '198.51.100.9/32', widerNetworks: [] }

/** The service on fakes. `replace` puts other ports in the place of the usual ones. */
export function aWorld(replace: (deps: UseCaseDeps) => Partial<UseCaseDeps> = () => ({})) {
  const store = createFakeStore()
  const attempts = new FakeAttemptLimits()
  const passwords = new FakePasswordHasher()
  const pictures = new FakePictures()
  let seconds = 0
  let sessions = 0
  const clock = { now: () => at(seconds) }
  const refusals = createRefusalBuffer({ auditLog: store.auditLog, clock, origin: currentOrigin })
  const usual: UseCaseDeps = {
    attempts,
    passwords,
    pictures,
    clock,
    users: store.users,
    auditLog: store.auditLog,
    refusals,
    events: {
      page: (userId, last = 0, limit) =>
        Promise.resolve(
          store
            .world()
            .events.map((event, index) => ({ ...event, id: index + 1 }))
            .filter((event) => event.userId === userId && event.id > last)
            .slice(0, limit),
        ),
    },
    requestLimits: new MemoryRequestLimits(),
    proofOfWork: new FakeProofOfWork(),
    spentProofs: new FakeSpentProofs(),
    sessions: store.sessions,
    transactions: demandingLocks(store.transactions),
    receipts: createReceiptBuffer(store.sessions),
    receiptProofs: new FakeReceiptProofs(),
    feed: createRevocationFeed({ revocationLog: new FakeRevocationLog(), clock }),
    feedStalenessSeconds: () => 0,
    invitations: store.invitations,
    emailChanges: store.emailChanges,
    passwordResetRequests: store.passwordResetRequests,
    mailLinks: fakeMailLinks,
    mailIsOn: false,
    factors: store.factors,
    totpSecrets: new FakeTotpSecrets(),
    recoveryCodes: new FakeRecoveryCodes(),
    signInChallenges: new FakeSignInChallenges(),
    tickets: new FakeTickets(),
    deliveries: new FakeDeliveries(store),
    consumers: [],
    passwordStrength: new FakePasswordStrength(),
    accessTokens: new FakeAccessTokens(ttlSeconds),
    refreshTokens: new FakeRefreshTokens(),
    sessionIds: { next: () => sessionId((sessions += 1)) },
    sessionLimits: limits,
    reusePolicy: { windowSeconds: 30, lostResponse: 'receipts' },
    maximumSessionsPerUser: 50,
    accessTokenTtlSeconds: ttlSeconds,
    recentAuthenticationTtlSeconds: recentSeconds,
    passwordMinimumLength: 8,
    registration: 'open',
    registrationsPerNetwork: 20,
    reservedUsernames: reserveUsernames(['admin', 'chat-auth']),
  }
  const deps = { ...usual, ...replace(usual) }
  const useCases = createUseCases(deps)

  const beginSignIn = (changes: Partial<CreateSessionInput> = {}) =>
    useCases.createSession({ ...signInInput, ...changes })
  const signIn = async (changes: Partial<CreateSessionInput> = {}) => {
    const issued = await beginSignIn(changes)
    if ('challenge' in issued) throw new Error('the user has a second factor')
    return issued
  }

  return {
    store,
    refusals,
    attempts,
    passwords,
    pictures,
    deps,
    useCases,
    signIn,
    /** Of a user with a second factor. */
    challenge: async (changes: Partial<CreateSessionInput> = {}) => {
      const issued = await beginSignIn(changes)
      if (!('challenge' in issued)) throw new Error('the user has no second factor')
      return issued
    },
    /** Advances the clock. */
    pass: (more: number) => (seconds += more),
    addUser: (name: string, changes: Partial<NewUser> = {}): Promise<User> =>
      addUser(store, name, { passwordHash: `fake$2$${password}` as PasswordHash, ...changes }),
    /** A signed-in user as the caller of other use cases. */
    signInAsCaller: async (changes: Partial<CreateSessionInput> = {}) =>
      useCases.authenticate((await signIn(changes)).accessToken),
    eventTypes: () => store.world().events.map(({ type }) => type),
    session: (number: number) => store.world().sessions.get(sessionId(number)),
  }
}

export type World = ReturnType<typeof aWorld>

const signInInput: CreateSessionInput = {
  username: 'anna',
  password,
  deviceId: undefined,
  deviceName: undefined,
  describedDevice: 'Firefox on Linux',
  userAgent: 'Mozilla/5.0',
  address: home,
  purchase: { proof: undefined },
  takesChallenge: true,
}
