import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { parseEmailAddress } from '../../src/domain/email-address.ts'
import { deleteUser, type User, type UserId } from '../../src/domain/user.ts'
import { parseUsername } from '../../src/domain/username.ts'
import { at, DAY, sessionId } from '../support/builders.ts'
import {
  addSession,
  addUser,
  inTransaction,
  outcomes,
  readSession,
  type OpenStore,
  type Store,
} from './store.ts'

/** What every Users and UsersInTransaction does about many people at once and about those who are gone. */
export const userDeletionContract = (name: string, open: OpenStore): void => {
  describe(`${name} looks up and lets go as Users says`, () => {
    let store: Store
    let anna: User
    let bert: User

    beforeAll(async () => {
      store = await open()
    })
    beforeEach(async () => {
      await store.clear()
      anna = await addUser(store, 'paypal')
      bert = await addUser(store, 'bert')
    })
    afterAll(() => store.close())

    const remove = (user: User) => inTransaction(store, (tx) => tx.users.save(deleteUser(user, at(1))))
    const hold = (held: string, days = 90) =>
      inTransaction(store, (tx) => tx.users.holdName(parseUsername(held), at(days * DAY)))
    const elsewhere = { deviceId: undefined, network: '192.0.2.1/32' }
    const signInAs = async (usernameKey: string | undefined, emailKey?: string) =>
      (await store.users.findForSignIn({ usernameKey, emailKey }, elsewhere)).user
    let addresses = 0
    const add = (wanted: string): Promise<User> => {
      addresses += 1
      return addUser(store, wanted, { email: parseEmailAddress(`n${addresses}@example.org`) })
    }

    test('of many ids those are found that somebody has', async () => {
      const found = await store.users.findAll([bert.id, anna.id, (bert.id + 1) as UserId, bert.id])
      expect(found.toSorted((one, other) => one.id - other.id)).toEqual([anna, bert])
      expect(await store.users.findAll([])).toEqual([])
      const many = Array.from({ length: 1_000 }, (_, number) => (anna.id + number) as UserId)
      expect(await store.users.findAll(many)).toHaveLength(2)
    })

    test('a person is found by the whole of their address alone', async () => {
      expect(await store.users.findByEmail('bert@example.org')).toEqual(bert)
      for (const other of ['bert@example.or', 'ert@example.org', 'BERT@example.org', '%', ''])
        expect(await store.users.findByEmail(other)).toBeUndefined()
    })

    test('somebody deleted is nowhere to be found, nor to be locked', async () => {
      await remove(anna)
      expect(await store.users.find(anna.id)).toBeUndefined()
      expect(await store.users.findAll([anna.id, bert.id])).toEqual([bert])
      expect(await inTransaction(store, (tx) => tx.users.lock(anna.id))).toBeUndefined()
      for (const key of [anna.email.key, `:${anna.id}`]) {
        expect(await store.users.findByEmail(key)).toBeUndefined()
      }
      expect(await signInAs(anna.username.key)).toBeUndefined()
      expect(await signInAs(undefined, anna.email.key)).toBeUndefined()
    })

    test('any number of people may be deleted', async () => {
      await remove(anna)
      await remove(bert)
      expect(await store.users.findAll([anna.id, bert.id])).toEqual([])
    })

    test('a deleted person’s hash is none of a foreign kind, which would slow every sign-in for ever', async () => {
      await remove(anna)
      const candidate = await store.users.findForSignIn(
        { usernameKey: 'bert', emailKey: undefined },
        elsewhere,
      )
      expect(candidate).toMatchObject({ user: bert, foreignHashesInUse: false })
    })

    test('ended sessions of a deleted person say why they ended, no longer who or where', async () => {
      const ended = await addSession(store, anna, { endedAt: at(1), endReason: 'user_deleted' })
      const other = await addSession(store, bert, { id: sessionId(2) })
      await inTransaction(store, async (tx) => {
        await tx.users.lock(anna.id)
        await tx.sessions.forgetDevices(anna.id)
      })
      await remove(anna)
      const device = { id: undefined, name: '', userAgent: '', address: '0.0.0.0' }
      expect(await readSession(store, ended)).toEqual({ ...ended, device })
      expect(await readSession(store, other)).toEqual(other)
    })

    test('the number of a deleted person is never given again, their address at once', async () => {
      await remove(anna)
      const { email } = anna
      const next = await addUser(store, 'carla', { email })
      expect(next.id).toBeGreaterThan(bert.id)
      expect(await store.users.findByEmail(email.key)).toEqual(next)
    })

    test('a name nobody holds is free as soon as its person is deleted', async () => {
      await remove(anna)
      expect((await add('paypal')).id).toBeGreaterThan(bert.id)
    })

    test.each(['paypal', 'PayPal', 'paypa1', 'paypaI'])(
      'with a name held, %s is taken, for who signs up and for who changes their name',
      async (wanted) => {
        await inTransaction(store, async (tx) => {
          await tx.users.holdName(anna.username, at(90 * DAY))
          await tx.users.save(deleteUser(anna, at(1)))
        })
        await expect(add(wanted)).rejects.toMatchObject({ code: 'username_taken' })
        const renamed = { ...bert, username: parseUsername(wanted) }
        const saved = inTransaction(store, (tx) => tx.users.save(renamed))
        await expect(saved).rejects.toMatchObject({ code: 'username_taken' })
        expect(await store.users.find(bert.id)).toEqual(bert)
        await add('paypals')
      },
    )

    test('a name may be held again, and so may one that looks like it', async () => {
      for (const held of ['anna.b', 'ANNA.B', 'anna.b']) await hold(held)
      await hold('goog1e')
      await hold('google')
      for (const wanted of ['anna.b', 'google', 'goog1e', 'GOOGLE'])
        await expect(add(wanted)).rejects.toMatchObject({ code: 'username_taken' })
    })

    test('a name that is held in a transaction that fails is not held', async () => {
      const failed = inTransaction(store, async (tx) => {
        await tx.users.holdName(parseUsername('anna'), at(DAY))
        throw new Error('it fails')
      })
      await expect(failed).rejects.toThrow('it fails')
      await add('anna')
    })

    test('of people who want the name of somebody who is being deleted nobody gets it', async () => {
      const deletion = inTransaction(store, async (tx) => {
        await tx.users.lock(anna.id)
        await tx.users.holdName(anna.username, at(90 * DAY))
        await tx.users.save(deleteUser(anna, at(1)))
      })
      const wanted = ['paypal', 'PAYPAL', 'paypa1', 'paypaI', 'paypal', 'paypa1'].map(add)
      expect(await outcomes([deletion, ...wanted])).toEqual(['done', ...wanted.map(() => 'username_taken')])
    })
  })
}
