import { expect, test } from 'vitest'
import { describeStoreContracts } from '../contracts/store-contracts.ts'
import type { Store } from '../contracts/store.ts'
import { aUser } from '../support/builders.ts'
import { FakeAttemptLimits } from './fake-attempt-limits.ts'
import { FakeDeliveries } from './fake-deliveries.ts'
import { FakeSigningKeys } from './fake-signing-keys.ts'
import { createFakeStore } from './fake-store.ts'
import { FakeSpentProofs } from './fake-spent-proofs.ts'
import { FakeTickets } from './fake-tickets.ts'

/** A fresh fake after each `clear`, under the same ports. */
const open = (): Promise<Store> => {
  let store = createFakeStore()
  let attempts = new FakeAttemptLimits()
  let signingKeys = new FakeSigningKeys()
  let tickets = new FakeTickets()
  let spentProofs = new FakeSpentProofs()
  let deliveries = new FakeDeliveries(store)
  return Promise.resolve({
    get users() {
      return store.users
    },
    get media() {
      return store.media
    },
    get sessions() {
      return store.sessions
    },
    get invitations() {
      return store.invitations
    },
    get factors() {
      return store.factors
    },
    get emailChanges() {
      return store.emailChanges
    },
    get passwordResetRequests() {
      return store.passwordResetRequests
    },
    get auditLog() {
      return store.auditLog
    },
    get transactions() {
      return store.transactions
    },
    get deliveries() {
      return deliveries
    },
    get signingKeys() {
      return signingKeys
    },
    get tickets() {
      return tickets
    },
    get spentProofs() {
      return spentProofs
    },
    attempts: {
      take: (...given) => attempts.take(...given),
      giveBack: (...given) => attempts.giveBack(...given),
      reset: (budget) => attempts.reset(budget),
      removeForgotten: (...given) => attempts.removeForgotten(...given),
    },
    revocations: () => Promise.resolve(store.world().revocations),
    events: () => Promise.resolve(store.world().events.filter((_, index) => !deliveries.isRemoved(index))),
    clear: () => {
      store = createFakeStore()
      attempts = new FakeAttemptLimits()
      signingKeys = new FakeSigningKeys()
      tickets = new FakeTickets()
      spentProofs = new FakeSpentProofs()
      deliveries = new FakeDeliveries(store)
      return Promise.resolve()
    },
    close: () => Promise.resolve(),
  })
}

describeStoreContracts('the fake', open)

test('a transaction of the fake store that meets a conflict is rolled back and runs again', async () => {
  const store = createFakeStore()
  store.conflictOnce()
  let runs = 0
  await store.transactions.transaction('system', (tx) => {
    runs += 1
    return tx.users.add(aUser())
  })
  expect(runs).toBe(2)
  expect(store.world().users.size).toBe(1)
})
