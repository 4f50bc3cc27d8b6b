import { beforeEach, describe, expect, test } from 'vitest'
import { parseEmailAddress } from '../../src/domain/email-address.ts'
import type { PasswordHash } from '../../src/domain/password.ts'
import { changeEmail, deleteUser, disable, type User, type UserId } from '../../src/domain/user.ts'
import { parseUsername } from '../../src/domain/username.ts'
import { aBan, aDevice, at } from '../support/builders.ts'
import { describeContract } from './describe-contract.ts'
import { addSession, addUser, aNewUser, inTransaction, outcomes, type Store } from './store.ts'

export const usersContract = describeContract('Users', (store: Store) => {
  const save = (user: User): Promise<void> => inTransaction(store, (tx) => tx.users.save(user))
  const named = (username: string) => ({ usernameKey: parseUsername(username).key, emailKey: undefined })
  const nowhere = { deviceId: undefined, network: '192.0.2.1/32' }

  test('an added user is found as it was added', async () => {
    const anna = aNewUser('Anna', { roles: ['admin', 'moderator'], emailVerified: true })
    const added = await inTransaction(store, (tx) => tx.users.add(anna))
    expect(added).toEqual({ ...anna, id: added.id })
    expect(await store.users.find(added.id)).toEqual(added)
    expect(await inTransaction(store, (tx) => tx.users.lock(added.id))).toEqual(added)
  })

  test('no user is found under an id that was not given', async () => {
    const { id } = await addUser(store, 'anna')
    expect(await store.users.find((id + 1) as UserId)).toBeUndefined()
    expect(await inTransaction(store, (tx) => tx.users.lock((id + 1) as UserId))).toBeUndefined()
  })

  test(
    'ids are given once, even if an addition was refused in between',
    { tags: ['SESSION-12'] },
    async () => {
      const anna = await addUser(store, 'anna')
      await expect(addUser(store, 'anna')).rejects.toMatchObject({ code: 'username_taken' })
      const bert = await addUser(store, 'bert')
      expect(bert.id).toBeGreaterThan(anna.id)
    },
  )

  test('a user is found for sign-in only by username or e-mail address', async () => {
    const anna = await addUser(store, 'Anna')
    const byEmail = { usernameKey: undefined, emailKey: 'anna@example.org' }
    expect((await store.users.findForSignIn(named('anna'), nowhere)).user).toEqual(anna)
    expect((await store.users.findForSignIn(byEmail, nowhere)).user).toEqual(anna)
    const neither = { usernameKey: undefined, emailKey: undefined }
    for (const other of [named('anne'), { ...byEmail, emailKey: 'anne@example.org' }, neither]) {
      expect(await store.users.findForSignIn(other, nowhere)).toEqual({
        user: undefined,
        deviceIsKnown: false,
        networkIsKnown: false,
        foreignHashesInUse: false,
      })
    }
  })

  test('the newest users come first, page by page, and no deleted ones', { tags: ['ADMIN-5'] }, async () => {
    const [anna, bert, cleo, dora] = [
      await addUser(store, 'anna'),
      await addUser(store, 'bert'),
      await addUser(store, 'cleo'),
      await addUser(store, 'dora'),
    ]
    await save(deleteUser(bert, at(1)))
    const all = { onlyDisabled: false, before: undefined, limit: 2, now: at(2) }
    expect(await store.users.newest(all)).toEqual([dora, cleo])
    expect(await store.users.newest({ ...all, before: cleo.id })).toEqual([anna])
    expect(await store.users.newest({ ...all, before: anna.id })).toEqual([])
  })

  test('of the disabled users, those whose ban is over are left out', { tags: ['ADMIN-5'] }, async () => {
    const [anna, bert, cleo, dora] = [
      await addUser(store, 'anna'),
      await addUser(store, 'bert'),
      await addUser(store, 'cleo'),
      await addUser(store, 'dora'),
    ]
    const forever = disable(anna, aBan({ since: at(1) }))
    const tillFive = disable(bert, aBan({ since: at(1), until: at(5) }))
    for (const user of [forever, tillFive, deleteUser(disable(cleo, aBan()), at(1))]) await save(user)
    const disabled = { onlyDisabled: true, before: undefined, limit: 9, now: at(4) }
    expect(await store.users.newest(disabled)).toEqual([tillFive, forever])
    expect(await store.users.newest({ ...disabled, now: at(5) })).toEqual([forever])
    expect(await store.users.newest({ ...disabled, before: bert.id })).toEqual([forever])
    expect((await store.users.newest({ ...disabled, onlyDisabled: false }))[0]).toEqual(dora)
  })

  test('a device is known for the user who signed in on it, and for no other user', async () => {
    const anna = await addUser(store, 'anna')
    await addUser(store, 'bert')
    await addSession(store, anna, { device: aDevice({ id: 'phone' }) })
    const from = (deviceId: string | undefined) => ({ ...nowhere, deviceId })
    const isKnown = async (person: string, deviceId: string | undefined) =>
      (await store.users.findForSignIn(named(person), from(deviceId))).deviceIsKnown
    expect(await isKnown('anna', 'phone')).toBe(true)
    expect(await isKnown('anna', 'tablet')).toBe(false)
    expect(await isKnown('anna', undefined)).toBe(false)
    expect(await isKnown('bert', 'phone')).toBe(false)
    expect(await isKnown('nobody', 'phone')).toBe(false)
  })

  test('sessions without a device id do not make a device known', async () => {
    const anna = await addUser(store, 'anna')
    await addSession(store, anna)
    expect((await store.users.findForSignIn(named('anna'), nowhere)).deviceIsKnown).toBe(false)
  })

  test.each([
    ['198.51.100.7', '198.51.100.7/32', true],
    ['198.51.100.7', '198.51.100.8/32', false],
    ['2001:db8:1:2::7', '2001:db8:1:2::/64', true],
    ['2001:db8:1:2:ffff:ffff:ffff:ffff', '2001:db8:1:2::/64', true],
    ['2001:db8:1:3::7', '2001:db8:1:2::/64', false],
    ['198.51.100.7', '2001:db8:1:2::/64', false],
  ])('after a sign-in from %s the network %s is known: %s', async (address, network, isKnown) => {
    const anna = await addUser(store, 'anna')
    await addUser(store, 'bert')
    await addSession(store, anna, { device: aDevice({ address }) })
    const from = { deviceId: undefined, network }
    expect((await store.users.findForSignIn(named('anna'), from)).networkIsKnown).toBe(isKnown)
    expect((await store.users.findForSignIn(named('bert'), from)).networkIsKnown).toBe(false)
    expect((await store.users.findForSignIn(named('nobody'), from)).networkIsKnown).toBe(false)
  })

  test('a device and a network stay known when their session has ended', async () => {
    const anna = await addUser(store, 'anna')
    const device = aDevice({ id: 'phone', address: '198.51.100.7' })
    await addSession(store, anna, { device, endedAt: at(9), endReason: 'signed_out' })
    const from = { deviceId: 'phone', network: '198.51.100.7/32' }
    expect(await store.users.findForSignIn(named('anna'), from)).toMatchObject({
      deviceIsKnown: true,
      networkIsKnown: true,
    })
  })

  test('one foreign hash is noticed at the sign-in of every user', async () => {
    await addUser(store, 'anna')
    expect((await store.users.findForSignIn(named('anna'), nowhere)).foreignHashesInUse).toBe(false)
    await addUser(store, 'bert', { passwordHash: '$2b$12$imported' as PasswordHash })
    expect((await store.users.findForSignIn(named('anna'), nowhere)).foreignHashesInUse).toBe(true)
    expect((await store.users.findForSignIn(named('nobody'), nowhere)).foreignHashesInUse).toBe(true)
  })

  test('a hash is renewed if it is still the stored one, and only for that user', async () => {
    const anna = await addUser(store, 'anna')
    const bert = await addUser(store, 'bert')
    const renewed = '$argon2id$renewed' as PasswordHash
    await store.users.renewPasswordHash(anna.id, 'another' as PasswordHash, renewed)
    expect(await store.users.find(anna.id)).toEqual(anna)
    await store.users.renewPasswordHash(anna.id, anna.passwordHash, renewed)
    expect(await store.users.find(anna.id)).toEqual({ ...anna, passwordHash: renewed })
    expect(await store.users.find(bert.id)).toEqual(bert)
  })

  test('saving a user writes everything but the id, and no other user', async () => {
    const bert = await addUser(store, 'bert')
    const { id } = await addUser(store, 'anna')
    const changed: User = {
      id,
      username: parseUsername('Berta'),
      email: parseEmailAddress('Berta@Example.NET'),
      emailVerified: true,
      emailVersion: 3,
      passwordHash: '$argon2id$other' as PasswordHash,
      passwordVersion: 2,
      factors: ['totp'],
      factorsVersion: 3,
      roles: ['admin'],
      createdAt: at(1),
      ban: aBan({ since: at(2), publicReason: 'Advertisements', until: at(9) }),
      avatar: 'picture',
      deletedAt: undefined,
    }
    await save(changed)
    expect(await store.users.find(id)).toEqual(changed)
    expect(await store.users.find(bert.id)).toEqual(bert)
    const enabled = { ...changed, ban: undefined }
    await save(enabled)
    expect(await store.users.find(id)).toEqual(enabled)
  })

  test('several users may have no address, and each may set one later', async () => {
    const anna = await addUser(store, 'anna', { email: undefined })
    const bert = await addUser(store, 'bert', { email: undefined })
    expect(await store.users.findAll([anna.id, bert.id])).toEqual([anna, bert])
    expect(anna.email).toBeUndefined()
    const nobody = { usernameKey: undefined, emailKey: undefined }
    expect((await store.users.findForSignIn(nobody, nowhere)).user).toBeUndefined()
    expect((await store.users.findForSignIn(named('bert'), nowhere)).user).toEqual(bert)
    const reachable = changeEmail(anna, parseEmailAddress('anna@example.org'))
    await save(reachable)
    expect(await store.users.findByEmail('anna@example.org')).toEqual(reachable)
    expect(await store.users.find(bert.id)).toEqual(bert)
  })

  describe('lifting bans', () => {
    const lift = (now: Date, limit = 10) => inTransaction(store, (tx) => tx.users.liftBans(now, limit))

    test(
      'bans are lifted from their end on, the earliest first, and no others',
      { tags: ['BAN-1'] },
      async () => {
        const anna = await addUser(store, 'anna', { ban: aBan({ until: at(9), publicReason: 'Spam' }) })
        const bert = await addUser(store, 'bert', { ban: aBan({ until: at(5) }) })
        const cleo = await addUser(store, 'cleo', { ban: aBan() })
        const dora = await addUser(store, 'dora')
        expect(await lift(at(4))).toEqual([])
        expect(await lift(at(9), 1)).toEqual([bert.id])
        expect(await lift(at(9))).toEqual([anna.id])
        expect(await lift(at(9))).toEqual([])
        const found = await Promise.all([anna, bert, cleo, dora].map(({ id }) => store.users.find(id)))
        expect(found).toEqual([{ ...anna, ban: undefined }, { ...bert, ban: undefined }, cleo, dora])
      },
    )

    test('no ban of a deleted user is lifted', { tags: ['BAN-1'] }, async () => {
      const anna = await addUser(store, 'anna', { ban: aBan({ until: at(5) }) })
      await save(deleteUser(anna, at(1)))
      expect(await lift(at(9))).toEqual([])
    })
  })

  describe('a user who wants', () => {
    const email = parseEmailAddress('another@example.org')
    beforeEach(() => addUser(store, 'paypal'))

    test.each([
      ['the same name', aNewUser('paypal', { email }), 'username_taken'],
      ['the same name in capitals', aNewUser('PAYPAL', { email }), 'username_taken'],
      ['a name that looks the same', aNewUser('paypa1', { email }), 'username_taken'],
      ['a name that looks the same as typed', aNewUser('paypaI', { email }), 'username_taken'],
    ])('a user who wants %s is refused', async (_, wanted, code) => {
      await expect(inTransaction(store, (tx) => tx.users.add(wanted))).rejects.toMatchObject({ code })
      const bert = await addUser(store, 'bert')
      await expect(save({ ...wanted, id: bert.id })).rejects.toMatchObject({ code })
      expect(await store.users.find(bert.id)).toEqual(bert)
    })
  })

  test.each([
    [
      'the same name',
      (n: number) => aNewUser('anna', { email: parseEmailAddress(`${n}@example.org`) }),
      'username_taken',
    ],
    [
      'names that look the same',
      (n: number) =>
        aNewUser(['paypal', 'paypa1'][n % 2] ?? '', { email: parseEmailAddress(`${n}@example.org`) }),
      'username_taken',
    ],
    [
      'the same verified address',
      (n: number) => aNewUser(`user${n}`, { email: parseEmailAddress('a@example.org'), emailVerified: true }),
      'email_taken',
    ],
  ])('of parallel additions with %s exactly one succeeds', async (_, wanted, code) => {
    const additions = Array.from({ length: 12 }, (__, n) =>
      inTransaction(store, (tx) => tx.users.add(wanted(n))),
    )
    expect(await outcomes(additions)).toEqual(['done', ...Array<string>(11).fill(code)])
  })

  test('of parallel changes to the same name exactly one succeeds', async () => {
    const people = await Promise.all(['anna', 'bert', 'cleo', 'dora'].map((each) => addUser(store, each)))
    const changes = people.map((user) => save({ ...user, username: parseUsername('emma') }))
    expect(await outcomes(changes)).toEqual(['done', ...Array<string>(3).fill('username_taken')])
  })

  test('a name that its user gave up and that is not held is free, and so are its looks', async () => {
    const user = await addUser(store, 'paypal')
    await save({ ...user, username: parseUsername('anna') })
    const other = await addUser(store, 'paypa1', { email: parseEmailAddress('other@example.org') })
    expect((await store.users.findForSignIn(named('paypa1'), nowhere)).user).toEqual(other)
    expect((await store.users.findForSignIn(named('paypal'), nowhere)).user).toBeUndefined()
    await expect(addUser(store, 'anna')).rejects.toMatchObject({ code: 'username_taken' })
  })

  test('a name can change to one that looks like it', async () => {
    const user = await addUser(store, 'paypal')
    const changed = { ...user, username: parseUsername('PayPa1') }
    await save(changed)
    expect(await store.users.find(user.id)).toEqual(changed)
    const email = parseEmailAddress('other@example.org')
    await expect(addUser(store, 'paypal', { email })).rejects.toMatchObject({ code: 'username_taken' })
  })
})
