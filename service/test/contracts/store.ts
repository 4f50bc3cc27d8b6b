import type { AttemptLimits } from '../../src/application/ports/attempt-limits.ts'
import type { AuditLog } from '../../src/application/ports/audit-log.ts'
import type { Deliveries } from '../../src/application/ports/deliveries.ts'
import type { Factors } from '../../src/application/ports/factors.ts'
import type { EmailChanges } from '../../src/application/ports/email-changes.ts'
import type { Invitations } from '../../src/application/ports/invitations.ts'
import type { Media } from '../../src/application/ports/media.ts'
import type { PasswordResetRequests } from '../../src/application/ports/password-reset-requests.ts'
import type { Sessions } from '../../src/application/ports/sessions.ts'
import type { SigningKeyStore } from '../../src/application/ports/signing-keys.ts'
import type { SpentProofs } from '../../src/application/ports/spent-proofs.ts'
import type { Tickets } from '../../src/application/ports/tickets.ts'
import type { Transaction, Transactions } from '../../src/application/ports/transactions.ts'
import type { Users } from '../../src/application/ports/users.ts'
import { parseEmailAddress } from '../../src/domain/email-address.ts'
import type { DomainEvent } from '../../src/domain/event.ts'
import type { PasswordHash } from '../../src/domain/password.ts'
import type { Revocation } from '../../src/domain/revocation.ts'
import type { Session, SessionId } from '../../src/domain/session.ts'
import { registerUser, type NewUser, type User, type UserId } from '../../src/domain/user.ts'
import { parseUsername } from '../../src/domain/username.ts'
import { aSession, noon } from '../support/builders.ts'

/** All ports that store something, on one implementation. */
export interface Store {
  readonly users: Users
  readonly sessions: Sessions
  readonly transactions: Transactions
  readonly attempts: AttemptLimits
  readonly signingKeys: SigningKeyStore
  readonly tickets: Tickets
  readonly spentProofs: SpentProofs
  readonly media: Media
  readonly deliveries: Deliveries
  readonly auditLog: AuditLog
  readonly invitations: Invitations
  readonly factors: Factors
  readonly emailChanges: EmailChanges
  readonly passwordResetRequests: PasswordResetRequests
  revocations(): Promise<readonly Revocation[]>
  /** In the order in which they will be delivered. */
  events(): Promise<readonly DomainEvent[]>
  /** Removes everything. */
  clear(): Promise<void>
  close(): Promise<void>
}

/** Its password hash does not count as a foreign one. */
export const aNewUser = (name: string, changes: Partial<NewUser> = {}): NewUser => ({
  ...registerUser(
    parseUsername(name),
    parseEmailAddress(`${name}@example.org`),
    '$argon2id$for-tests' as PasswordHash,
    noon,
  ),
  ...changes,
})

export const inTransaction = <T>(
  store: Pick<Store, 'transactions'>,
  work: (tx: Transaction) => Promise<T>,
): Promise<T> => store.transactions.transaction('system', work)

export const addUser = (
  store: Pick<Store, 'transactions'>,
  name: string,
  changes: Partial<NewUser> = {},
): Promise<User> => inTransaction(store, (tx) => tx.users.add(aNewUser(name, changes)))

export const addSession = (
  store: Pick<Store, 'transactions'>,
  user: User,
  changes: Partial<Session> = {},
): Promise<Session> =>
  inTransaction(store, async (tx) => {
    const session = aSession({ userId: user.id, ...changes })
    await tx.sessions.add(session)
    return session
  })

export const readSession = async (
  store: Pick<Store, 'sessions'>,
  { userId, id }: { userId: UserId; id: SessionId },
): Promise<Session | undefined> => (await store.sessions.find(userId, id))?.session

/** The results of calls that may be refused: `'done'`, or the code of the refusal. Sorted. */
export const outcomes = async (calls: readonly Promise<unknown>[]): Promise<string[]> => {
  const settled = await Promise.allSettled(calls)
  const results = settled.map((each) =>
    each.status === 'fulfilled' ? 'done' : ((each.reason as { code?: string }).code ?? String(each.reason)),
  )
  return results.sort()
}
