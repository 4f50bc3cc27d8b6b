import { beforeEach, describe, expect, test } from 'vitest'
import { parseEmailAddress } from '../../src/domain/email-address.ts'
import { deleteUser, type User, type UserId } from '../../src/domain/user.ts'
import { parseUsername } from '../../src/domain/username.ts'
import { at, DAY, sessionId } from '../support/builders.ts'
import { describeContract } from './describe-contract.ts'
import { addSession, addUser, inTransaction, outcomes, readSession, type Store } from './store.ts'

export const userDeletionContract = describeContract('Users, deleted users', (store: Store) => {
  let anna: User
  let bert: User

  beforeEach(async () => {
    anna = await addUser(store, 'paypal')
    bert = await addUser(store, 'bert')
  })

  const remove = (user: User) => inTransaction(store, (tx) => tx.users.save(deleteUser(user, at(1))))
  const hold = (held: string, days = 90) =>
    inTransaction(store, (tx) => tx.users.holdName(parseUsername(held), at(days * DAY), undefined))
  const elsewhere = { deviceId: undefined, network: '192.0.2.1/32' }
  const signInAs = async (usernameKey: string | undefined, emailKey?: string) =>
    (await store.users.findForSignIn({ usernameKey, emailKey }, elsewhere)).user
  const addressOf = ({ email }: User): string => email?.key ?? ''
  let addresses = 0
  const add = (wanted: string): Promise<User> => {
    addresses += 1
    return addUser(store, wanted, { email: parseEmailAddress(`n${addresses}@example.org`) })
  }

  test('a look-up of many ids finds those that exist', async () => {
    const found = await store.users.findAll([bert.id, anna.id, (bert.id + 1) as UserId, bert.id])
    expect(found.toSorted((one, other) => one.id - other.id)).toEqual([anna, bert])
    expect(await store.users.findAll([])).toEqual([])
    const many = Array.from({ length: 1_000 }, (_, number) => (anna.id + number) as UserId)
    expect(await store.users.findAll(many)).toHaveLength(2)
  })

  test('a user is found only by the complete e-mail address', async () => {
    expect(await store.users.findByEmail('bert@example.org')).toEqual(bert)
    for (const other of ['bert@example.or', 'ert@example.org', 'BERT@example.org', '%', ''])
      expect(await store.users.findByEmail(other)).toBeUndefined()
  })

  test('a deleted user cannot be found or locked', async () => {
    await remove(anna)
    expect(await store.users.find(anna.id)).toBeUndefined()
    expect(await store.users.findAll([anna.id, bert.id])).toEqual([bert])
    expect(await inTransaction(store, (tx) => tx.users.lock(anna.id))).toBeUndefined()
    for (const key of [addressOf(anna), `:${anna.id}`]) {
      expect(await store.users.findByEmail(key)).toBeUndefined()
    }
    expect(await signInAs(anna.username.key)).toBeUndefined()
    expect(await signInAs(undefined, addressOf(anna))).toBeUndefined()
  })

  test('several users can be deleted', async () => {
    await remove(anna)
    await remove(bert)
    expect(await store.users.findAll([anna.id, bert.id])).toEqual([])
  })

  test('the emptied hash of a deleted user does not count as a foreign hash', async () => {
    await remove(anna)
    const candidate = await store.users.findForSignIn({ usernameKey: 'bert', emailKey: undefined }, elsewhere)
    expect(candidate).toMatchObject({ user: bert, foreignHashesInUse: false })
  })

  test('ended sessions of a deleted user keep the reason and lose the device', async () => {
    const ended = await addSession(store, anna, { endedAt: at(1), endReason: 'user_deleted' })
    const other = await addSession(store, bert, { id: sessionId(2) })
    await inTransaction(store, async (tx) => {
      await tx.users.lock(anna.id)
      await tx.sessions.forgetDevices(anna.id)
    })
    await remove(anna)
    const device = { id: undefined, name: '', userAgent: '', address: '0.0.0.0' }
    const lastPlace = { userAgent: '', address: '0.0.0.0' }
    expect(await readSession(store, ended)).toEqual({ ...ended, device, lastPlace })
    expect(await readSession(store, other)).toEqual(other)
  })

  test(
    'the id of a deleted user is never given again; the address is free immediately',
    { tags: ['SESSION-12'] },
    async () => {
      await remove(anna)
      const { email } = anna
      const next = await addUser(store, 'carla', { email })
      expect(next.id).toBeGreaterThan(bert.id)
      expect(await store.users.findByEmail(addressOf(anna))).toEqual(next)
    },
  )

  test('a name that is not held is free as soon as its user is deleted', async () => {
    await remove(anna)
    expect((await add('paypal')).id).toBeGreaterThan(bert.id)
  })

  test.each(['paypal', 'PayPal', 'paypa1', 'paypaI'])(
    'while a name is held, %s is taken for registrations and changes of name',
    async (wanted) => {
      await inTransaction(store, async (tx) => {
        await tx.users.holdName(anna.username, at(90 * DAY), undefined)
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

  describe('a name that is held for its user', () => {
    const rename = (user: User, username: string) =>
      inTransaction(store, async (tx) => {
        const renamed = { ...user, username: parseUsername(username) }
        await tx.users.lock(user.id)
        await tx.users.holdName(user.username, at(90 * DAY), user.id)
        await tx.users.save(renamed)
        return renamed
      })
    const refused = { code: 'username_taken' }

    test.each(['paypal', 'PayPal', 'paypa1', 'paypaI'])(
      'after a change of name, %s is taken for everybody but that user',
      { tags: ['SESSION-19'] },
      async (wanted) => {
        const renamed = await rename(anna, 'annabel')
        await expect(add(wanted)).rejects.toMatchObject(refused)
        await expect(rename(bert, wanted)).rejects.toMatchObject(refused)
        expect(await store.users.find(bert.id)).toEqual(bert)
        const back = await rename(renamed, wanted)
        expect(await store.users.find(anna.id)).toEqual(back)
      },
    )

    test('several names of a user stay held, and so does the one between', async () => {
      const back = await rename(await rename(await rename(anna, 'annabel'), 'belinda'), 'paypal')
      for (const wanted of ['annabel', 'belinda', 'paypal'])
        await expect(add(wanted)).rejects.toMatchObject(refused)
      await rename(back, 'belinda')
    })

    test('a change of case is not refused by the name that is held for its user', async () => {
      let user = anna
      for (const name of ['PayPal', 'paypal', 'PAYPAL', 'paypa1']) user = await rename(user, name)
      expect(await store.users.find(anna.id)).toEqual(user)
    })

    test('names that are held for a user stay held after a deletion, for nobody', async () => {
      const renamed = await rename(anna, 'annabel')
      await rename(bert, 'bertram')
      await remove(renamed)
      await expect(add('paypal')).rejects.toMatchObject(refused)
      const revived = { ...anna, username: parseUsername('paypal') }
      await expect(inTransaction(store, (tx) => tx.users.save(revived))).rejects.toMatchObject(refused)
      await rename({ ...bert, username: parseUsername('bertram') }, 'bert')
    })

    test(
      'of users who race for a name that its user gives up and takes back, none gets it',
      { tags: ['SESSION-19'] },
      async () => {
        const wanted = ['paypal', 'PAYPAL', 'paypa1', 'paypaI', 'paypal', 'paypa1']
        const others = [...wanted.map(add), rename(bert, 'paypal')]
        const changes = rename(anna, 'annabel').then((renamed) => rename(renamed, 'paypal'))
        expect(await outcomes([changes, ...others])).toEqual(['done', ...others.map(() => 'username_taken')])
        expect((await store.users.find(anna.id))?.username.text).toBe('paypal')
      },
    )

    test('two users who swap their names at the same time are both refused, or one of them', async () => {
      const swapped = await outcomes([rename(anna, 'bert'), rename(bert, 'paypal')])
      expect(swapped).toContain('username_taken')
      expect(swapped.filter((each) => each !== 'done' && each !== 'username_taken')).toEqual([])
    })
  })

  test('a held name can be held again, and so can a name that looks like it', async () => {
    for (const held of ['anna.b', 'ANNA.B', 'anna.b']) await hold(held)
    await hold('goog1e')
    await hold('google')
    for (const wanted of ['anna.b', 'google', 'goog1e', 'GOOGLE'])
      await expect(add(wanted)).rejects.toMatchObject({ code: 'username_taken' })
  })

  test('a name that was held in a failed transaction is not held', async () => {
    const failed = inTransaction(store, async (tx) => {
      await tx.users.holdName(parseUsername('anna'), at(DAY), undefined)
      throw new Error('it fails')
    })
    await expect(failed).rejects.toThrow('it fails')
    await add('anna')
  })

  test(
    'parallel registrations do not get the name of a user who is being deleted',
    { tags: ['DELETE-3'] },
    async () => {
      const deletion = inTransaction(store, async (tx) => {
        await tx.users.lock(anna.id)
        await tx.users.holdName(anna.username, at(90 * DAY), undefined)
        await tx.users.save(deleteUser(anna, at(1)))
      })
      const wanted = ['paypal', 'PAYPAL', 'paypa1', 'paypaI', 'paypal', 'paypa1'].map(add)
      expect(await outcomes([deletion, ...wanted])).toEqual(['done', ...wanted.map(() => 'username_taken')])
    },
  )
})
