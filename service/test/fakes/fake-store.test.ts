import { expect, test } from 'vitest'
import { attemptLimitsContract } from '../contracts/attempt-limits.contract.ts'
import { deliveriesContract } from '../contracts/deliveries.contract.ts'
import { mediaContract } from '../contracts/media.contract.ts'
import { sessionsContract } from '../contracts/sessions.contract.ts'
import { signingKeyStoreContract } from '../contracts/signing-key-store.contract.ts'
import type { Store } from '../contracts/store.ts'
import { ticketsContract } from '../contracts/tickets.contract.ts'
import { transactionsContract } from '../contracts/transactions.contract.ts'
import { userDeletionContract } from '../contracts/user-deletion.contract.ts'
import { userSearchContract } from '../contracts/user-search.contract.ts'
import { usersContract } from '../contracts/users.contract.ts'
import { aUser } from '../support/builders.ts'
import { FakeAttemptLimits } from './fake-attempt-limits.ts'
import { FakeDeliveries } from './fake-deliveries.ts'
import { FakeSigningKeys } from './fake-signing-keys.ts'
import { createFakeStore } from './fake-store.ts'
import { FakeTickets } from './fake-tickets.ts'

/** A fresh fake after each `clear`, under the same ports. */
const open = (): Promise<Store> => {
  let store = createFakeStore()
  let attempts = new FakeAttemptLimits()
  let signingKeys = new FakeSigningKeys()
  let tickets = new FakeTickets()
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
    attempts: {
      check: (...given) => attempts.check(...given),
      take: (...given) => attempts.take(...given),
      giveBack: (...given) => attempts.giveBack(...given),
      prove: (...given) => attempts.prove(...given),
      removeForgotten: (...given) => attempts.removeForgotten(...given),
    },
    revocations: () => Promise.resolve(store.world().revocations),
    events: () => Promise.resolve(store.world().events.filter((_, place) => !deliveries.isGone(place))),
    clear: () => {
      store = createFakeStore()
      attempts = new FakeAttemptLimits()
      signingKeys = new FakeSigningKeys()
      tickets = new FakeTickets()
      deliveries = new FakeDeliveries(store)
      return Promise.resolve()
    },
    close: () => Promise.resolve(),
  })
}

usersContract('the fake', open)
userSearchContract('the fake', open)
userDeletionContract('the fake', open)
sessionsContract('the fake', open)
transactionsContract('the fake', open)
attemptLimitsContract('the fake', open)
signingKeyStoreContract('the fake', open)
ticketsContract('the fake', open)
mediaContract('the fake', open)
deliveriesContract('the fake', open)

test('work that meets a conflict in the fake is undone and runs again', async () => {
  const store = createFakeStore()
  store.conflictOnce()
  let runs = 0
  await store.transactions.transaction((tx) => {
    runs += 1
    return tx.users.add(aUser())
  })
  expect(runs).toBe(2)
  expect(store.world().users.size).toBe(1)
})
