import { beforeEach, describe, expect, test } from 'vitest'
import { parseEmailAddress, type EmailAddress } from '../../src/domain/email-address.ts'
import { EMAIL_UNDO_SECONDS, type EmailChange } from '../../src/domain/email-change.ts'
import { changeEmail, deleteUser, verifyEmail, type NewUser, type User } from '../../src/domain/user.ts'
import { parseUsername } from '../../src/domain/username.ts'
import { at } from '../support/builders.ts'
import { describeContract } from './describe-contract.ts'
import { addUser, aNewUser, inTransaction, outcomes, type Store } from './store.ts'

export const emailHoldersContract = describeContract('Holders of addresses', (store: Store) => {
  const shared = parseEmailAddress('Shared@example.org')
  const nowhere = { deviceId: undefined, network: '192.0.2.1/32' }
  const hold = (name: string, changes: Partial<NewUser> = {}): Promise<User> =>
    addUser(store, name, { email: shared, ...changes })
  const signInBy = async ({ key: emailKey }: EmailAddress) =>
    (await store.users.findForSignIn({ usernameKey: undefined, emailKey }, nowhere)).user
  const save = (user: User) => inTransaction(store, (tx) => tx.users.save(user))

  describe('the owner of an address', () => {
    test('the only holder owns the address, verified or not', { tags: ['RESET-1'] }, async () => {
      const anna = await hold('anna')
      await addUser(store, 'bert')
      expect(await store.users.findByEmail(shared.key)).toEqual(anna)
      expect(await signInBy(shared)).toEqual(anna)
    })

    test('of several holders, the one who verified the address owns it', { tags: ['RESET-1'] }, async () => {
      await hold('anna')
      const bert = await hold('bert', { emailVerified: true })
      await hold('cleo')
      expect(await store.users.findByEmail(shared.key)).toEqual(bert)
      expect(await signInBy(shared)).toEqual(bert)
    })

    test(
      'of several holders who have not verified the address, none owns it',
      { tags: ['RESET-1'] },
      async () => {
        const anna = await hold('anna')
        await hold('bert')
        expect(await store.users.findByEmail(shared.key)).toBeUndefined()
        expect(await signInBy(shared)).toBeUndefined()
        const { key: usernameKey } = anna.username
        expect((await store.users.findForSignIn({ usernameKey, emailKey: undefined }, nowhere)).user).toEqual(
          anna,
        )
      },
    )

    test('a holder who is deleted leaves the address to the other one', async () => {
      const anna = await hold('anna', { emailVerified: true })
      const bert = await hold('bert')
      await save(deleteUser(anna, at(1)))
      expect(await store.users.findByEmail(shared.key)).toEqual(bert)
      expect(await signInBy(shared)).toEqual(bert)
    })

    test('the holders are listed with the verified one first, then by their ids', async () => {
      const [anna, bert, cleo] = [await hold('anna'), await hold('bert'), await hold('cleo')]
      const verified = verifyEmail(bert)
      await save(verified)
      await addUser(store, 'dora')
      expect(await store.users.holdersOf(shared.key, 9)).toEqual([verified, anna, cleo])
      expect(await store.users.holdersOf(shared.key, 2)).toEqual([verified, anna])
      expect(await store.users.holdersOf(shared.key, 1)).toEqual([verified])
      expect(await store.users.holdersOf('nobody@example.org', 9)).toEqual([])
    })
  })

  describe('recipients of mail', () => {
    const recipientsOf = async (...keys: string[]): Promise<User[]> =>
      (await inTransaction(store, (tx) => tx.users.lockRecipients(keys))).toSorted((a, b) => a.id - b.id)

    test('mail about an address goes to the user who verified it, or else to the five oldest', async () => {
      const first: User[] = []
      for (const name of ['anna', 'bert', 'cleo', 'dora', 'emma', 'fred']) first.push(await hold(name))
      const zoe = await addUser(store, 'zoey')
      const ownKey = zoe.email?.key ?? ''
      expect(await recipientsOf(shared.key)).toEqual(first.slice(0, 5))
      expect(await recipientsOf(ownKey, 'nobody@example.org', ownKey)).toEqual([zoe])
      const owner = await hold('owner', { emailVerified: true })
      expect(await recipientsOf(shared.key, ownKey)).toEqual([zoe, owner])
      expect(await recipientsOf()).toEqual([])
    })
  })

  describe('recipients who came by a change', () => {
    test(
      'earlier users who change to an address keep no mail from who signed up with it',
      { tags: ['RESET-1'] },
      async () => {
        const strangers: User[] = []
        for (const name of ['anna', 'bert', 'cleo', 'dora', 'emma'])
          strangers.push(await addUser(store, name))
        const owner = await hold('owner')
        for (const stranger of strangers) await save(changeEmail(stranger, shared))
        const recipients = await inTransaction(store, (tx) => tx.users.lockRecipients([shared.key]))
        expect(recipients).toHaveLength(5)
        expect(recipients).toContainEqual(owner)
      },
    )
  })

  describe('where addresses cannot be verified', () => {
    test('a user is refused an address that another one has, in any case', async () => {
      await hold('anna')
      const taken = { code: 'email_taken' }
      const add = (email: EmailAddress) =>
        inTransaction(store, async (tx) =>
          tx.users.requireOnlyHolder(await tx.users.add(aNewUser('bert', { email }))),
        )
      await expect(add(parseEmailAddress('SHARED@example.org'))).rejects.toMatchObject(taken)
      await add(parseEmailAddress('other@example.org'))
      const bert = await store.users.findByEmail('other@example.org')
      if (bert === undefined) throw new Error('not added')
      const change = (user: User) =>
        inTransaction(store, async (tx) => {
          await tx.users.lock(user.id)
          await tx.users.save(user)
          await tx.users.requireOnlyHolder(user)
        })
      await expect(change(changeEmail(bert, shared))).rejects.toMatchObject(taken)
      expect(await store.users.find(bert.id)).toEqual(bert)
      await change(changeEmail(bert, parseEmailAddress('third@example.org')))
    })

    test(
      'of parallel sign-ups and changes to one address exactly one succeeds',
      { tags: ['RESET-2'] },
      async () => {
        const people = await Promise.all(['anna', 'bert', 'cleo'].map((name) => addUser(store, name)))
        const changes = people.map((user) =>
          inTransaction(store, async (tx) => {
            await tx.users.lock(user.id)
            const moved = changeEmail(user, shared)
            await tx.users.save(moved)
            await tx.users.requireOnlyHolder(moved)
          }),
        )
        const additions = Array.from({ length: 6 }, (_, n) =>
          inTransaction(store, async (tx) =>
            tx.users.requireOnlyHolder(await tx.users.add(aNewUser(`user${n}`, { email: shared }))),
          ),
        )
        expect(await outcomes([...changes, ...additions])).toEqual([
          'done',
          ...Array<string>(8).fill('email_taken'),
        ])
        expect(await store.users.holdersOf(shared.key, 9)).toHaveLength(1)
      },
    )
  })

  describe('verifying an address', () => {
    const verify = (user: User) =>
      inTransaction(store, async (tx) => {
        await tx.users.lock(user.id)
        if (await tx.users.isVerifiedByAnother(user)) return 'too late'
        await tx.users.save(verifyEmail(user))
        return 'verified'
      })

    test(
      'of holders who verify an address at the same time, one becomes its owner',
      { tags: ['RESET-3'] },
      async () => {
        const people = await Promise.all(Array.from({ length: 8 }, (_, n) => hold(`user${n}`)))
        const results = await Promise.all(people.map(verify))
        expect(results.toSorted()).toEqual([...Array<string>(7).fill('too late'), 'verified'])
        const winner = people[results.indexOf('verified')]
        expect((await store.users.findByEmail(shared.key))?.id).toBe(winner?.id)
      },
    )

    test('two users are never saved with one verified address', { tags: ['RESET-3'] }, async () => {
      await hold('anna', { emailVerified: true })
      const bert = await hold('bert')
      await expect(save(verifyEmail(bert))).rejects.toMatchObject({ code: 'email_taken' })
      expect(await store.users.find(bert.id)).toEqual(bert)
    })

    test('a user who has verified the address already is not another one', async () => {
      const anna = await hold('anna', { emailVerified: true })
      const isTaken = (user: User) => inTransaction(store, (tx) => tx.users.isVerifiedByAnother(user))
      expect(await isTaken(anna)).toBe(false)
      expect(await isTaken(await addUser(store, 'bert', { email: undefined }))).toBe(false)
      expect(await isTaken(await hold('cleo'))).toBe(true)
    })
  })

  describe('changes of address', () => {
    let anna: User
    let bert: User
    beforeEach(async () => {
      anna = await addUser(store, 'anna')
      bert = await addUser(store, 'bert')
    })
    const changeOf = (user: User, version: number, changes: Partial<EmailChange> = {}): EmailChange => ({
      userId: user.id,
      version,
      previous: parseEmailAddress(`Old${version}@example.org`),
      previousWasVerified: true,
      changedAt: at(version),
      ...changes,
    })
    const add = async (...changes: EmailChange[]) => {
      await inTransaction(store, async (tx) => {
        for (const change of changes) await tx.emailChanges.add(change)
      })
    }

    test('a change is found by its user and version', async () => {
      const change = changeOf(anna, 2, { previousWasVerified: false })
      await add(change)
      expect(await store.emailChanges.find(anna.id, 2)).toEqual(change)
      expect(await inTransaction(store, (tx) => tx.emailChanges.find(anna.id, 2))).toEqual(change)
      expect(await store.emailChanges.find(anna.id, 3)).toBeUndefined()
      expect(await store.emailChanges.find(bert.id, 2)).toBeUndefined()
    })

    test('removing a change removes the later ones, and none of others', { tags: ['RESET-3'] }, async () => {
      const kept = [changeOf(anna, 2), changeOf(bert, 3)] as const
      await add(...kept, changeOf(anna, 3), changeOf(anna, 4))
      await inTransaction(store, (tx) => tx.emailChanges.removeFrom(anna.id, 3))
      expect(await store.emailChanges.list(anna.id)).toEqual([kept[0]])
      expect(await store.emailChanges.list(bert.id)).toEqual([kept[1]])
    })

    test('the changes of a user are listed newest first, and forgotten with the user', async () => {
      await add(changeOf(anna, 2), changeOf(anna, 3), changeOf(bert, 2))
      expect((await store.emailChanges.list(anna.id)).map(({ version }) => version)).toEqual([3, 2])
      await inTransaction(store, (tx) => tx.emailChanges.forget(anna.id))
      expect(await store.emailChanges.list(anna.id)).toEqual([])
      expect(await store.emailChanges.list(bert.id)).toHaveLength(1)
    })

    test('changes are removed when they can no longer be undone, and not before', async () => {
      await add(changeOf(anna, 2), changeOf(anna, 3))
      expect(await store.emailChanges.removeOld(at(1 + EMAIL_UNDO_SECONDS), 9)).toBe(0)
      expect(await store.emailChanges.removeOld(at(2 + EMAIL_UNDO_SECONDS), 9)).toBe(1)
      expect((await store.emailChanges.list(anna.id)).map(({ version }) => version)).toEqual([3])
    })
  })

  describe('requests for a new password', () => {
    const take = (limit: number) => inTransaction(store, (tx) => tx.passwordResetRequests.take(limit))

    test('requests are taken once, the oldest first', async () => {
      for (const key of ['a@x.org', 'b@x.org', 'a@x.org']) await store.passwordResetRequests.add(key, at(0))
      expect((await take(2)).toSorted()).toEqual(['a@x.org', 'b@x.org'])
      expect(await take(2)).toEqual(['a@x.org'])
      expect(await take(2)).toEqual([])
    })

    test('requests that were taken in a failed transaction come back', async () => {
      await store.passwordResetRequests.add('a@x.org', at(0))
      const failed = inTransaction(store, async (tx) => {
        await tx.passwordResetRequests.take(1)
        throw new Error('it fails')
      })
      await expect(failed).rejects.toThrow('it fails')
      expect(await take(9)).toEqual(['a@x.org'])
    })

    test('requests taken at the same time go to one transaction each', async () => {
      const keys = Array.from({ length: 12 }, (_, n) => `user${n}@x.org`)
      for (const key of keys) await store.passwordResetRequests.add(key, at(0))
      const taken = await Promise.all(Array.from({ length: 6 }, () => take(2)))
      const rest = await take(12)
      expect([...taken.flat(), ...rest].toSorted()).toEqual(keys.toSorted())
    })
  })

  test('a name is refused before an address is looked at', async () => {
    await hold('anna')
    const wanted = aNewUser('anna', { email: shared })
    const added = inTransaction(store, async (tx) => tx.users.requireOnlyHolder(await tx.users.add(wanted)))
    await expect(added).rejects.toMatchObject({ code: 'username_taken' })
    expect(parseUsername('anna').key).toBe('anna')
  })
})
