import type { Transaction, Transactions } from '../../src/application/ports/transactions.ts'
import type { UserId } from '../../src/domain/user.ts'

/**
 * Transactions that fail if the work changes a user's sessions, revocations or events without holding that user. A store that
 * runs one transaction after the other would not notice that.
 */
export const demandingLocks = (transactions: Transactions): Transactions => ({
  transaction: (author, work) => transactions.transaction(author, (tx) => work(demanding(tx))),
})

function demanding({
  users,
  sessions,
  media,
  revocations,
  outbox,
  audit,
  invitations,
  factors,
  spentProofs,
  emailChanges,
  passwordResetRequests,
}: Transaction): Transaction {
  const held = new Set<UserId>()
  const hold = <T extends { readonly userId: UserId }>(found: readonly T[]): readonly T[] => {
    for (const { userId } of found) held.add(userId)
    return found
  }
  const demand = (...needed: readonly UserId[]): void => {
    if (needed.some((id) => !held.has(id))) throw new Error('the user is not locked')
  }
  const ownersOf = (owned: readonly { readonly userId: UserId }[]): UserId[] =>
    owned.map(({ userId }) => userId)
  return {
    users: {
      lock: (id) => {
        held.add(id)
        return users.lock(id)
      },
      add: async (user) => {
        const added = await users.add(user)
        held.add(added.id)
        return added
      },
      save: async (user) => {
        demand(user.id)
        await users.save(user)
      },
      liftBans: async (...given) => {
        const lifted = await users.liftBans(...given)
        for (const id of lifted) held.add(id)
        return lifted
      },
      lockRecipients: async (keys) => {
        const recipients = await users.lockRecipients(keys)
        for (const { id } of recipients) held.add(id)
        return recipients
      },
      requireOnlyHolder: async (user) => {
        demand(user.id)
        await users.requireOnlyHolder(user)
      },
      isVerifiedByAnother: async (user) => {
        demand(user.id)
        return users.isVerifiedByAnother(user)
      },
      holdName: (...given) => users.holdName(...given),
    },
    sessions: {
      lock: async (userId, id) => {
        demand(userId)
        return sessions.lock(userId, id)
      },
      lockLive: async (userId, now) => {
        demand(userId)
        return sessions.lockLive(userId, now)
      },
      isNewPlace: async (userId, from) => {
        demand(userId)
        return sessions.isNewPlace(userId, from)
      },
      add: async (session) => {
        demand(session.userId)
        await sessions.add(session)
      },
      saveRefreshed: async (session) => {
        demand(session.userId)
        await sessions.saveRefreshed(session)
      },
      saveEnded: async (ended) => {
        demand(...ownersOf(ended))
        return sessions.saveEnded(ended)
      },
      saveRoles: async (userId, roles) => {
        demand(userId)
        return sessions.saveRoles(userId, roles)
      },
      forgetDevices: async (userId) => {
        demand(userId)
        await sessions.forgetDevices(userId)
      },
      lockAll: async (keys) => hold(await sessions.lockAll(keys)),
      lockLiveAfter: async (query) => {
        const page = await sessions.lockLiveAfter(query)
        hold(page.sessions)
        return page
      },
      lockExpired: async (now, limit) => hold(await sessions.lockExpired(now, limit)),
    },
    media: {
      put: async (userId, avatar) => {
        demand(userId)
        await media.put(userId, avatar)
      },
      remove: async (userId) => {
        demand(userId)
        await media.remove(userId)
      },
    },
    revocations: {
      add: async (added) => {
        demand(...ownersOf(added))
        await revocations.add(added)
      },
    },
    outbox: {
      add: async (events) => {
        demand(...ownersOf(events))
        await outbox.add(events)
      },
      redact: async (userId) => {
        demand(userId)
        await outbox.redact(userId)
      },
    },
    invitations,
    spentProofs,
    factors: {
      totpOf: async (userId) => {
        demand(userId)
        return factors.totpOf(userId)
      },
      addPendingTotp: async (userId, ...given) => {
        demand(userId)
        await factors.addPendingTotp(userId, ...given)
      },
      confirmTotp: async (userId, ...given) => {
        demand(userId)
        await factors.confirmTotp(userId, ...given)
      },
      useStep: async (userId, step) => {
        demand(userId)
        return factors.useStep(userId, step)
      },
      replaceRecoveryCodes: async (userId, codes) => {
        demand(userId)
        await factors.replaceRecoveryCodes(userId, codes)
      },
      spendRecoveryCode: async (userId, code) => {
        demand(userId)
        return factors.spendRecoveryCode(userId, code)
      },
      removeAll: async (userId) => {
        demand(userId)
        await factors.removeAll(userId)
      },
    },
    passwordResetRequests,
    emailChanges: {
      add: async (change) => {
        demand(change.userId)
        await emailChanges.add(change)
      },
      find: async (userId, version) => {
        demand(userId)
        return emailChanges.find(userId, version)
      },
      removeFrom: async (userId, version) => {
        demand(userId)
        await emailChanges.removeFrom(userId, version)
      },
      forget: async (userId) => {
        demand(userId)
        await emailChanges.forget(userId)
      },
    },
    audit: {
      forget: async (userId) => {
        demand(userId)
        await audit.forget(userId)
      },
    },
  }
}
