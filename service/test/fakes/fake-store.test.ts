import { expect, test } from 'vitest'
import { attemptLimitsContract } from '../contracts/attempt-limits.contract.ts'
import { sessionsContract } from '../contracts/sessions.contract.ts'
import { signingKeyStoreContract } from '../contracts/signing-key-store.contract.ts'
import type { Store } from '../contracts/store.ts'
import { ticketsContract } from '../contracts/tickets.contract.ts'
import { transactionsContract } from '../contracts/transactions.contract.ts'
import { usersContract } from '../contracts/users.contract.ts'
import { aUser } from '../support/builders.ts'
import { FakeAttemptLimits } from './fake-attempt-limits.ts'
import { FakeSigningKeys } from './fake-signing-keys.ts'
import { createFakeStore } from './fake-store.ts'
import { FakeTickets } from './fake-tickets.ts'

/** A fresh fake after each `clear`, under the same ports. */
const open = (): Promise<Store> => {
  let store = createFakeStore()
  let attempts = new FakeAttemptLimits()
  let signingKeys = new FakeSigningKeys()
  let tickets = new FakeTickets()
  return Promise.resolve({
    get users() {
      return store.users
    },
    get sessions() {
      return store.sessions
    },
    get transactions() {
      return store.transactions
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
      clear: (...given) => attempts.clear(...given),
      removeForgotten: (...given) => attempts.removeForgotten(...given),
    },
    revocations: () => Promise.resolve(store.world().revocations),
    events: () => Promise.resolve(store.world().events),
    clear: () => {
      store = createFakeStore()
      attempts = new FakeAttemptLimits()
      signingKeys = new FakeSigningKeys()
      tickets = new FakeTickets()
      return Promise.resolve()
    },
    close: () => Promise.resolve(),
  })
}

usersContract('the fake', open)
sessionsContract('the fake', open)
transactionsContract('the fake', open)
attemptLimitsContract('the fake', open)
signingKeyStoreContract('the fake', open)
ticketsContract('the fake', open)

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
