import { beforeEach, expect, test } from 'vitest'
import { userDisabled, userEnabled } from '../../src/domain/event.ts'
import type { Revocation } from '../../src/domain/revocation.ts'
import { endSession } from '../../src/domain/session.ts'
import { disable, type User } from '../../src/domain/user.ts'
import { aBan, aSession, at, sessionId } from '../support/builders.ts'
import { describeContract } from './describe-contract.ts'
import { addSession, addUser, aNewUser, inTransaction, readSession, type Store } from './store.ts'

export const transactionsContract = describeContract('Transactions', (store: Store) => {
  let anna: User

  beforeEach(async () => {
    anna = await addUser(store, 'anna')
  })

  const revocation = (number: number): Revocation => ({
    sessionId: sessionId(number),
    userId: anna.id,
    reason: 'terminated',
    upToGeneration: undefined,
    expiresAt: at(600 + number),
  })

  /** A change of every kind. */
  const changeEverything = async (tx: Parameters<Parameters<typeof inTransaction>[1]>[0]): Promise<void> => {
    await tx.users.add(aNewUser('bert'))
    await tx.users.save(disable(anna, aBan({ since: at(1) })))
    await tx.sessions.add(aSession({ id: sessionId(2), userId: anna.id }))
    await tx.sessions.saveEnded([endSession(aSession({ userId: anna.id }), 'user_disabled', at(1))])
    await tx.revocations.add([revocation(1)])
    await tx.outbox.add([userDisabled(anna.id, aBan({ since: at(1) }))])
  }

  const everything = async () => ({
    anna: await store.users.find(anna.id),
    bert: (await store.users.findForSignIn({ usernameKey: 'bert', emailKey: undefined }, nowhere)).user,
    sessions: await Promise.all([1, 2].map((n) => readSession(store, { userId: anna.id, id: sessionId(n) }))),
    revocations: await store.revocations(),
    events: await store.events(),
  })
  const nowhere = { deviceId: undefined, network: '192.0.2.1/32' }

  test('the changes of a transaction are durable when it ends, and its result is returned', async () => {
    await addSession(store, anna)
    const response = await inTransaction(store, async (tx) => {
      await changeEverything(tx)
      return 'response'
    })
    expect(response).toBe('response')
    expect(await everything()).toMatchObject({
      anna: { ban: { reason: 'Spam' } },
      bert: { username: { text: 'bert' } },
      sessions: [{ endReason: 'user_disabled' }, { id: sessionId(2) }],
      revocations: [revocation(1)],
      events: [{ type: 'user.disabled' }],
    })
  })

  test('a transaction that throws changes nothing, and its own error is thrown', async () => {
    await addSession(store, anna)
    const before = await everything()
    const failure = new Error('changed our mind')
    const failing = inTransaction(store, async (tx) => {
      await changeEverything(tx)
      throw failure
    })
    await expect(failing).rejects.toBe(failure)
    expect(await everything()).toEqual(before)
  })

  test('a transaction whose last step is refused changes nothing', async () => {
    await addSession(store, anna)
    const before = await everything()
    const refused = inTransaction(store, async (tx) => {
      await changeEverything(tx)
      await tx.users.add(aNewUser('anna'))
    })
    await expect(refused).rejects.toMatchObject({ code: 'username_taken' })
    expect(await everything()).toEqual(before)
    await inTransaction(store, changeEverything)
  })

  test('a transaction sees its own changes', async () => {
    const seen = await inTransaction(store, async (tx) => {
      const bert = await tx.users.add(aNewUser('bert'))
      await tx.users.save(disable(bert, aBan({ since: at(1) })))
      await tx.sessions.add(aSession({ userId: bert.id }))
      const live = await tx.sessions.lockLive(bert.id, at(2))
      return { user: await tx.users.lock(bert.id), live: live.length }
    })
    expect(seen).toMatchObject({ user: { ban: { reason: 'Spam' } }, live: 1 })
  })

  test('revocations and events are stored as they were given, in their order', async () => {
    const revocations = [1, 2, 3].map(revocation)
    const events = [
      userDisabled(anna.id, aBan({ reason: 'Spam "with" ünïcode 🐢', since: at(1) })),
      userEnabled(anna.id, undefined, at(2)),
    ]
    await inTransaction(store, async (tx) => {
      await tx.revocations.add([])
      await tx.outbox.add([])
      await tx.revocations.add(revocations)
      await tx.outbox.add(events)
    })
    expect(await store.revocations()).toEqual(revocations)
    expect(await store.events()).toEqual(events)
  })

  test('parallel changes of one user are made one after the other, and so are their events', async () => {
    const change = () =>
      inTransaction(store, async (tx) => {
        const user = (await tx.users.lock(anna.id)) ?? anna
        await tx.outbox.add([
          userDisabled(user.id, aBan({ reason: String(user.passwordVersion), since: at(1) })),
        ])
        await tx.users.save({ ...user, passwordVersion: user.passwordVersion + 1 })
      })
    await Promise.all(Array.from({ length: 20 }, change))
    expect((await store.users.find(anna.id))?.passwordVersion).toBe(21)
    const reasons = (await store.events()).map(({ data }) => (data as { reason: string }).reason)
    expect(reasons).toEqual(Array.from({ length: 20 }, (_, n) => String(n + 1)))
  })
})
