import { beforeEach, describe, expect, test } from 'vitest'
import { signInsFrom, signInsTo } from '../../../src/application/attempt-budgets.ts'
import { ApplicationError } from '../../../src/application/errors.ts'
import { checkCredentials } from '../../../src/application/users/check-credentials.ts'
import { changePassword, disable, type User } from '../../../src/domain/user.ts'
import type { PasswordHash } from '../../../src/domain/password.ts'
import { FakePasswordHasher, hasherWith } from '../../fakes/fake-password-hasher.ts'
import { at, DAY, sessionId } from '../../support/builders.ts'
import { away, aWorld, home, limits, password, ttlSeconds, type World } from '../world.ts'

let world: World
let anna: User

beforeEach(async () => {
  world = aWorld()
  anna = await world.addUser('anna', { roles: ['moderator'] })
})

const noSession = (w: World = world) => {
  expect(w.store.world().sessions.size).toBe(0)
  expect(w.store.world().events).toEqual([])
}

describe('signing in', () => {
  test('starts a session, tells of it, and gives both tokens of its first generation', async () => {
    const issued = await world.signIn()
    const session = {
      ...{ id: sessionId(1), userId: anna.id, generation: 0, confirmedGeneration: 0 },
      ...{ createdAt: at(0), refreshedAt: at(0), lastSeenAt: at(0), authTime: at(0) },
      idleExpiresAt: at(limits.idleSeconds),
      expiresAt: at(limits.absoluteSeconds),
      ...{ endedAt: undefined, endReason: undefined, amr: ['pwd'], roles: ['moderator'] },
      device: { id: undefined, name: 'Firefox on Linux', userAgent: 'Mozilla/5.0', address: home.text },
    }
    expect(world.session(1)).toEqual(session)
    expect(issued).toEqual({
      accessToken: `access 1 ${sessionId(1)} 0 moderator ${+at(0)} ${+at(ttlSeconds)}`,
      accessExpiresAt: at(ttlSeconds),
      refreshToken: `refresh 1 ${sessionId(1)} 0`,
      refreshExpiresAt: at(limits.idleSeconds),
      session,
      issuedAt: at(0),
    })
    expect(world.store.world().events).toEqual([
      {
        type: 'session.created',
        userId: anna.id,
        occurredAt: at(0),
        data: { session_id: sessionId(1), device_name: 'Firefox on Linux' },
      },
    ])
  })

  test.each(['anna', 'ANNA', 'anna@example.org', 'Anna@Example.ORG'])('works as %s', async (username) => {
    expect((await world.signIn({ username })).session.userId).toBe(anna.id)
  })

  test('keeps what the device calls itself, and describes one that does not', async () => {
    const named = await world.signIn({ deviceId: 'phone', deviceName: '  Annas Telefon ' })
    expect(named.session.device).toMatchObject({ id: 'phone', name: 'Annas Telefon' })
    const unnamed = await world.signIn({ describedDevice: 'Safari on iOS' })
    expect(unnamed.session.device).toMatchObject({ id: undefined, name: 'Safari on iOS' })
  })

  test('with a malformed device names every fault, before any attempt is counted', async () => {
    const refused = world.signIn({ deviceId: 'a b', deviceName: ' ' })
    await expect(refused).rejects.toMatchObject({
      code: 'validation_failed',
      details: { fields: [{ field: 'device_id' }, { field: 'device_name' }] },
    })
    expect(world.attempts.countOf(signInsFrom(home).key)).toBe(0)
    noSession()
  })

  test('that meets a conflict in the store starts one session', async () => {
    world.store.conflictOnce()
    await world.signIn()
    expect(world.store.world().sessions.size).toBe(1)
    expect(world.eventTypes()).toEqual(['session.created'])
  })

  test('while the store is away is unavailable, which is no refusal', async () => {
    world.store.setAway(true)
    await expect(world.signIn()).rejects.toMatchObject({ code: 'unavailable' })
  })
})

describe('somebody with wrong credentials', () => {
  test('is refused alike for an unknown name and a wrong password, after the same work', async () => {
    const refusals: unknown[] = []
    for (const changes of [
      { username: 'nobody' },
      { password: 'wrong' },
      { username: 'no@example.org' },
      { username: '' },
    ]) {
      const before = world.passwords.verifications
      refusals.push(await world.signIn(changes).catch((error: unknown) => error))
      expect(world.passwords.verifications).toBe(before + 1)
    }
    expect(refusals[0]).toMatchObject({ code: 'invalid_credentials' })
    for (const refusal of refusals) expect(refusal).toEqual(refusals[0])
    noSession()
  })

  test('costs the same work as another hash kind while such hashes are stored', async () => {
    const asked: boolean[] = []
    const hasher = new FakePasswordHasher()
    const passwords = hasherWith(hasher, {
      verify: (typed, stored, foreignHashesInUse) => {
        asked.push(foreignHashesInUse)
        return hasher.verify(typed, stored)
      },
    })
    const other = aWorld(() => ({ passwords }))
    await expect(other.signIn()).rejects.toThrow()
    await other.addUser('bert', { passwordHash: FakePasswordHasher.foreignHash('secret') })
    await expect(other.signIn()).rejects.toThrow()
    expect(asked).toEqual([false, true])
  })

  test('of a disabled person does not learn that the person is disabled', async () => {
    await world.useCases.disableUser(anna.id, 'Spam')
    await expect(world.signIn({ password: 'wrong' })).rejects.toMatchObject({ code: 'invalid_credentials' })
  })
})

test('a disabled person with the right password learns that they are disabled, and signs in nowhere', async () => {
  await world.useCases.disableUser(anna.id, 'Spam')
  await expect(world.signIn()).rejects.toMatchObject({ code: 'user_disabled' })
  expect(world.store.world().sessions.size).toBe(0)
})

test('a disabled person is refused by the check of the credentials already, which every way in shares', async () => {
  await world.useCases.disableUser(anna.id, 'Spam')
  const credentials = { username: 'anna', password, deviceId: undefined, address: home }
  await expect(checkCredentials(world.deps)(credentials)).rejects.toMatchObject({ code: 'user_disabled' })
})

describe('the attempt budgets', () => {
  const byNetwork = () => world.attempts.countOf(signInsFrom(home).key)
  const byName = (name = 'anna', place?: string) => world.attempts.countOf(signInsTo(name, place).key)

  test('are taken before the password is checked', async () => {
    const counted: number[] = []
    const passwords = hasherWith(new FakePasswordHasher(), {
      verify: () => {
        counted.push(world.attempts.countOf(signInsFrom(home).key), byName())
        return Promise.resolve({ matches: false, outdated: false })
      },
    })
    world = aWorld(() => ({ passwords }))
    await world.addUser('anna')
    await expect(world.signIn()).rejects.toMatchObject({ code: 'invalid_credentials' })
    expect(counted).toEqual([1, 1])
  })

  test('stay used by wrong passwords and unknown names, and are given back by a sign-in', async () => {
    await expect(world.signIn({ password: 'wrong' })).rejects.toThrow()
    await expect(world.signIn({ password: 'wrong' })).rejects.toThrow()
    expect([byNetwork(), byName()]).toEqual([2, 2])
    await expect(world.signIn({ username: 'Nobody' })).rejects.toThrow()
    expect([byNetwork(), byName('nobody')]).toEqual([3, 1])
    await world.signIn()
    expect([byNetwork(), byName()]).toEqual([3, 0])
  })

  test('are given back to a disabled person too, who knew the password', async () => {
    await world.useCases.disableUser(anna.id, 'Spam')
    await expect(world.signIn()).rejects.toMatchObject({ code: 'user_disabled' })
    expect([byNetwork(), byName()]).toEqual([0, 0])
  })

  test('when used up stop the right password as well, without checking it', async () => {
    for (let guess = 0; guess < 10; guess += 1)
      await expect(world.signIn({ password: 'wrong' })).rejects.toThrow()
    const checked = world.passwords.verifications
    await expect(world.signIn()).rejects.toMatchObject({
      code: 'too_many_attempts',
      details: { retryAfterSeconds: 1 },
    })
    expect(world.passwords.verifications).toBe(checked)
    world.pass(1)
    await world.signIn()
  })

  test('of a name are shared by all spellings, and not by the address of the same person', async () => {
    await expect(world.signIn({ username: 'ANNA', password: 'wrong' })).rejects.toThrow()
    await expect(world.signIn({ username: 'anna@EXAMPLE.org', password: 'wrong' })).rejects.toThrow()
    expect([byName('anna'), byName('anna@example.org')]).toEqual([1, 1])
  })

  const guess = async (count: number, changes: object) => {
    for (let n = 0; n < count; n += 1)
      await world.signIn({ password: 'wrong', ...changes }).catch(() => undefined)
  }

  test('of strangers used up leave a network the person signed in from its own', async () => {
    await world.signIn()
    await guess(10, { address: away })
    await expect(world.signIn({ address: away })).rejects.toMatchObject({ code: 'too_many_attempts' })
    await world.signIn({ address: home })
  })

  test('of strangers used up leave a device the person signed in on its own, wherever it is', async () => {
    await world.signIn({ deviceId: 'phone' })
    const café = { text: '192.0.2.9', network: '192.0.2.9/32' }
    await guess(10, { address: away })
    await expect(world.signIn({ address: café })).rejects.toMatchObject({ code: 'too_many_attempts' })
    await world.signIn({ address: café, deviceId: 'phone' })
  })

  /** Uses up the budget of the network at home, a few guesses at each of many people. */
  const guessAtMany = async () => {
    for (let n = 0; n < 50; n += 1) await guess(1, { username: `person-${n}` })
  }

  test('of a network used up leave a device the person signed in on its own, there and elsewhere', async () => {
    await world.signIn({ deviceId: 'phone', address: away })
    await guessAtMany()
    await expect(world.signIn()).rejects.toMatchObject({ code: 'too_many_attempts' })
    const claimed = world.signIn({ deviceId: 'claimed' })
    await expect(claimed).rejects.toMatchObject({ code: 'too_many_attempts' })
    await world.signIn({ deviceId: 'phone' })
  })

  test('of a network are not spent by a known device, which has its own, and none is given back to it', async () => {
    await world.signIn({ deviceId: 'phone' })
    await guess(2, {})
    await guess(10, { deviceId: 'phone' })
    expect([byNetwork(), byName('anna', 'phone')]).toEqual([2, 10])
    const known = world.signIn({ deviceId: 'phone' })
    await expect(known).rejects.toMatchObject({ code: 'too_many_attempts' })
    world.pass(1)
    await world.signIn({ deviceId: 'phone' })
    expect([byNetwork(), byName('anna', 'phone')]).toEqual([2, 0])
  })

  test('of a network used up stop a sign-in before the person is looked up', async () => {
    let lookUps = 0
    world = aWorld(({ users }) => ({
      users: {
        ...users,
        findForSignIn: (...given) => {
          lookUps += 1
          return users.findForSignIn(...given)
        },
      },
    }))
    await world.addUser('anna')
    await guessAtMany()
    lookUps = 0
    await expect(world.signIn()).rejects.toMatchObject({ code: 'too_many_attempts' })
    expect(lookUps).toBe(0)
  })

  test('are not multiplied by claiming new device ids in a network the person signed in from', async () => {
    await world.signIn()
    for (let n = 0; n < 10; n += 1) await guess(1, { deviceId: `claimed-${n}` })
    await expect(world.signIn({ deviceId: 'claimed-10' })).rejects.toMatchObject({
      code: 'too_many_attempts',
    })
  })
})

describe('a sign-in when too much is being hashed', () => {
  const counts = () =>
    [signInsFrom(home), signInsTo('anna', undefined)].map(({ key }) => world.attempts.countOf(key))

  test('is refused before any attempt is counted', async () => {
    world.attempts.take = () => Promise.reject(new Error('an attempt was counted'))
    world.passwords.isFull = true
    await expect(world.signIn()).rejects.toMatchObject({ code: 'overloaded' })
  })

  test('is refused before the database is asked anything', async () => {
    world.attempts.check = () => Promise.reject(new Error('the attempts were looked at'))
    world.passwords.isFull = true
    await expect(world.signIn()).rejects.toMatchObject({ code: 'overloaded' })
  })

  test('costs no attempt either when the room was taken meanwhile', async () => {
    const overloaded = new ApplicationError('overloaded', { retryAfterSeconds: 1 })
    world = aWorld(({ passwords }) => ({
      passwords: hasherWith(passwords, { verify: () => Promise.reject(overloaded) }),
    }))
    for (let n = 0; n < 60; n += 1) await expect(world.signIn()).rejects.toBe(overloaded)
    expect(counts()).toEqual([0, 0])
  })

  test('keeps the attempt when it failed for another reason', async () => {
    world = aWorld(({ passwords }) => ({
      passwords: hasherWith(passwords, { verify: () => Promise.reject(new Error('broken')) }),
    }))
    await expect(world.signIn()).rejects.toThrow('broken')
    expect(counts()).toEqual([1, 1])
  })
})

describe('a hash of an older kind', () => {
  const outdated = { passwordHash: `fake$1$${password}` as PasswordHash }

  test('is renewed by the sign-in, which ends no session', async () => {
    const bert = await world.addUser('bert', outdated)
    await world.signIn({ username: 'bert' })
    await world.signIn({ username: 'bert' })
    const stored = world.store.world().users.get(bert.id)
    expect(stored).toEqual({ ...bert, passwordHash: `fake$2$${password}` })
    expect(world.session(1)?.endedAt).toBeUndefined()
  })

  test('stays as it is when the password is wrong', async () => {
    const bert = await world.addUser('bert', outdated)
    await expect(world.signIn({ username: 'bert', password: 'wrong' })).rejects.toThrow()
    expect(world.store.world().users.get(bert.id)).toEqual(bert)
  })

  const failing = (error: Error) =>
    aWorld(({ passwords }) => ({
      passwords: hasherWith(passwords, { hash: () => Promise.reject(error) }),
    }))

  test('does not stop the sign-in when too much is being hashed', async () => {
    world = failing(new ApplicationError('overloaded', { retryAfterSeconds: 1 }))
    const bert = await world.addUser('bert', outdated)
    expect((await world.signIn({ username: 'bert' })).session.userId).toBe(bert.id)
    expect(world.store.world().users.get(bert.id)).toEqual(bert)
  })

  test('that cannot be renewed for another cause is a fault', async () => {
    world = failing(new Error('broken'))
    await world.addUser('bert', outdated)
    await expect(world.signIn({ username: 'bert' })).rejects.toThrow('broken')
  })
})

describe('between the check of the password and the session', () => {
  /** Signs in while `meanwhile` changes the person just after the check. */
  async function signInWhile(meanwhile: (user: User) => User) {
    world = aWorld(({ passwords }) => ({
      passwords: hasherWith(passwords, {
        verify: async (...given) => {
          const result = await passwords.verify(...given)
          await world.store.transactions.transaction((tx) => tx.users.save(meanwhile(anna)))
          return result
        },
      }),
    }))
    anna = await world.addUser('anna')
    return world.signIn()
  }

  test('a changed password refuses the sign-in', async () => {
    const signIn = signInWhile((user) => changePassword(user, 'fake$2$another' as PasswordHash))
    await expect(signIn).rejects.toMatchObject({ code: 'invalid_credentials' })
    noSession()
  })

  test('a ban refuses the sign-in', async () => {
    await expect(signInWhile((user) => disable(user, 'Spam', at(0)))).rejects.toMatchObject({
      code: 'user_disabled',
    })
    noSession()
  })

  test('a renewed hash and other roles do not, and the new roles count', async () => {
    const issued = await signInWhile((user) => ({
      ...user,
      roles: ['admin'],
      passwordHash: 'fake$3$x' as PasswordHash,
    }))
    expect(issued.accessToken).toContain(' admin ')
  })
})

describe('room for the session', () => {
  test('a device that signs in again replaces its session, and no other', async () => {
    await world.signIn({ deviceId: 'phone' })
    await world.signIn({ deviceId: 'tablet' })
    await world.addUser('bert')
    await world.signIn({ username: 'bert', deviceId: 'phone' })
    await world.signIn({ deviceId: 'phone' })
    expect([1, 2, 3, 4].map((number) => world.session(number)?.endReason)).toEqual([
      'replaced',
      undefined,
      undefined,
      undefined,
    ])
    expect(world.store.world().revocations).toMatchObject([{ sessionId: sessionId(1), reason: 'replaced' }])
    expect(world.eventTypes().slice(-2)).toEqual(['session.ended', 'session.created'])
  })

  test('devices without an id are devices of their own', async () => {
    await world.signIn()
    await world.signIn()
    expect(world.session(1)?.endReason).toBeUndefined()
  })

  test('is made by the session that was not used for longest', async () => {
    world = aWorld(() => ({ maximumSessionsPerUser: 2 }))
    await world.addUser('anna')
    const first = await world.signIn()
    world.pass(1)
    await world.signIn()
    world.pass(1)
    await world.useCases.refreshSession({ refreshToken: first.refreshToken, address: home })
    await world.signIn()
    expect([1, 2, 3].map((number) => world.session(number)?.endReason)).toEqual([
      undefined,
      'displaced',
      undefined,
    ])
  })

  test('is not made twice: the replaced session leaves room for the new one', async () => {
    world = aWorld(() => ({ maximumSessionsPerUser: 2 }))
    await world.addUser('anna')
    await world.signIn({ deviceId: 'phone' })
    world.pass(1)
    await world.signIn({ deviceId: 'tablet' })
    await world.signIn({ deviceId: 'tablet' })
    expect([1, 2, 3].map((number) => world.session(number)?.endReason)).toEqual([
      undefined,
      'replaced',
      undefined,
    ])
  })

  test('is not needed where sessions have run out', async () => {
    world = aWorld(() => ({ maximumSessionsPerUser: 1 }))
    await world.addUser('anna')
    await world.signIn({ deviceId: 'phone' })
    world.pass(30 * DAY)
    await world.signIn({ deviceId: 'phone' })
    expect(world.session(1)?.endReason).toBeUndefined()
  })
})
