import { beforeEach, describe, expect, test } from 'vitest'
import { signInsAt, signInsBy, signInsFrom, signInsTo } from '../../../src/application/attempt-budgets.ts'
import { ApplicationError } from '../../../src/application/errors.ts'
import type { AttemptBudget } from '../../../src/application/ports/attempt-limits.ts'
import { checkCredentials } from '../../../src/application/users/check-credentials.ts'
import type { ClientAddress } from '../../../src/domain/device.ts'
import { changePassword, disable, type User } from '../../../src/domain/user.ts'
import type { PasswordHash } from '../../../src/domain/password.ts'
import { FakePasswordHasher, hasherWith } from '../../fakes/fake-password-hasher.ts'
import { aBan, at, DAY, sessionId } from '../../support/builders.ts'
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
  test('a sign-in starts a session, emits an event and returns both first tokens', async () => {
    const issued = await world.signIn()
    const session = {
      id: sessionId(1),
      userId: anna.id,
      generation: 0,
      oldestGeneration: 0,
      confirmedGeneration: 0,
      createdAt: at(0),
      refreshedAt: at(0),
      lastSeenAt: at(0),
      authTime: at(0),
      idleExpiresAt: at(limits.idleSeconds),
      expiresAt: at(limits.absoluteSeconds),
      endedAt: undefined,
      endReason: undefined,
      amr: ['pwd'],
      roles: ['moderator'],
      device: { id: undefined, name: 'Firefox on Linux', userAgent: 'Mozilla/5.0', address: home.text },
      lastPlace: { userAgent: 'Mozilla/5.0', address: home.text },
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
        data: { session_id: sessionId(1), device_name: 'Firefox on Linux', is_new_place: false },
      },
    ])
  })

  test(
    'a password still signs in after ten years, since passwords do not expire',
    { tags: ['ACCOUNT-2'] },
    async () => {
      world.pass(3653 * DAY)
      expect((await world.signIn()).session.userId).toBe(anna.id)
    },
  )

  test.each(['anna', 'ANNA', 'anna@example.org', 'Anna@Example.ORG'])(
    'a user signs in with the name or address %s',
    async (username) => {
      expect((await world.signIn({ username })).session.userId).toBe(anna.id)
    },
  )

  test('a session keeps the name the device gave, or a description of the device', async () => {
    const named = await world.signIn({ deviceId: 'phone', deviceName: '  Annas Telefon ' })
    expect(named.session.device).toMatchObject({ id: 'phone', name: 'Annas Telefon' })
    const unnamed = await world.signIn({ describedDevice: 'Safari on iOS' })
    expect(unnamed.session.device).toMatchObject({ id: undefined, name: 'Safari on iOS' })
  })

  test('a malformed device is refused with every fault, before an attempt is counted', async () => {
    const refused = world.signIn({ deviceId: 'a b', deviceName: ' ' })
    await expect(refused).rejects.toMatchObject({
      code: 'validation_failed',
      details: { fields: [{ field: 'device_id' }, { field: 'device_name' }] },
    })
    expect(world.attempts.countOf(signInsTo('anna').key)).toBe(0)
    noSession()
  })

  test('a sign-in that meets a store conflict starts one session', async () => {
    world.store.conflictOnce()
    await world.signIn()
    expect(world.store.world().sessions.size).toBe(1)
    expect(world.eventTypes()).toEqual(['session.created'])
  })

  test('a sign-in while the store is down is unavailable, not a refusal', async () => {
    world.store.setDown(true)
    await expect(world.signIn()).rejects.toMatchObject({ code: 'unavailable' })
  })
})

describe('a sign-in with wrong credentials', () => {
  test(
    'unknown names and wrong passwords get the same refusal after the same work',
    { tags: ['SIGN-IN-12'] },
    async () => {
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
    },
  )

  test('a sign-in with an unknown name costs as much as a foreign hash while those are stored', async () => {
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

  test('a sign-in with a wrong password does not reveal that the user is disabled', async () => {
    await world.useCases.disableUser('service:ops', anna.id, aBan())
    await expect(world.signIn({ password: 'wrong' })).rejects.toMatchObject({ code: 'invalid_credentials' })
  })
})

test('a disabled user with the right password is refused as disabled and gets no session', async () => {
  await world.useCases.disableUser('service:ops', anna.id, aBan())
  await expect(world.signIn()).rejects.toMatchObject({ code: 'user_disabled' })
  expect(world.store.world().sessions.size).toBe(0)
})

test('the shared check of credentials already refuses a disabled user', async () => {
  await world.useCases.disableUser('service:ops', anna.id, aBan())
  const credentials = { username: 'anna', password, deviceId: undefined, address: home, purchase: undefined }
  await expect(checkCredentials(world.deps)(credentials)).rejects.toMatchObject({ code: 'user_disabled' })
})

describe('the attempt budgets', () => {
  const countOf = (budgets: readonly AttemptBudget[]) => budgets.map(({ key }) => world.attempts.countOf(key))
  /** Against the network, against the name there, and against the name everywhere. */
  const counts = (name = 'anna') => countOf([...signInsFrom(home), signInsAt(name, home), signInsTo(name)])
  const refused = { code: 'too_many_attempts' }

  test('a sign-in attempt is counted before the password is checked', async () => {
    const counted: number[] = []
    const passwords = hasherWith(new FakePasswordHasher(), {
      verify: () => {
        counted.push(...counts())
        return Promise.resolve({ matches: false, outdated: false })
      },
    })
    world = aWorld(() => ({ passwords }))
    await world.addUser('anna')
    await expect(world.signIn()).rejects.toMatchObject({ code: 'invalid_credentials' })
    expect(counted).toEqual([1, 1, 1])
  })

  test('failed sign-ins use up attempts, and a successful one gives back its own only', async () => {
    await expect(world.signIn({ password: 'wrong' })).rejects.toThrow()
    await expect(world.signIn({ password: 'wrong' })).rejects.toThrow()
    await expect(world.signIn({ username: 'Nobody' })).rejects.toThrow()
    expect([counts(), counts('nobody')]).toEqual([
      [3, 2, 2],
      [3, 1, 1],
    ])
    await world.signIn()
    expect(counts()).toEqual([3, 2, 2])
  })

  test('a disabled user with the right password gets the attempts back', async () => {
    await world.useCases.disableUser('service:ops', anna.id, aBan())
    await expect(world.signIn()).rejects.toMatchObject({ code: 'user_disabled' })
    expect(counts()).toEqual([0, 0, 0])
  })

  test('without attempts left, the right password is refused unchecked', async () => {
    for (let guess = 0; guess < 10; guess += 1)
      await expect(world.signIn({ password: 'wrong' })).rejects.toThrow()
    const checked = world.passwords.verifications
    await expect(world.signIn()).rejects.toMatchObject({ ...refused, details: { retryAfterSeconds: 1 } })
    expect(world.passwords.verifications).toBe(checked)
    world.pass(1)
    await world.signIn()
  })

  test('all spellings of a name share attempts, and the email address has its own', async () => {
    await expect(world.signIn({ username: 'ANNA', password: 'wrong' })).rejects.toThrow()
    await expect(world.signIn({ username: 'anna@EXAMPLE.org', password: 'wrong' })).rejects.toThrow()
    expect([counts('anna'), counts('anna@example.org')]).toEqual([
      [2, 1, 1],
      [2, 1, 1],
    ])
  })

  const guess = async (count: number, changes: object) => {
    for (let n = 0; n < count; n += 1)
      await world.signIn({ password: 'wrong', ...changes }).catch(() => undefined)
  }
  const placeOf = (number: number): ClientAddress => ({
    text: `192.0.2.${number}`,
    network: `192.0.2.${number}/32`,
    widerNetworks: [],
  })
  const buy = async (attempt: Promise<unknown>) => {
    const refusal = (await attempt.catch((error: unknown) => error)) as ApplicationError
    expect(refusal).toMatchObject(refused)
    return { purchase: { proof: refusal.details.challenge?.signature } }
  }

  /** Uses up the attempts for the name with one guess from each of 20 networks. */
  const guessFromMany = async () => {
    for (let n = 0; n < 20; n += 1) await guess(1, { address: placeOf(n) })
  }

  test(
    'guesses from many networks make a new place pay, and never refuse it',
    { tags: ['LIMIT-1'] },
    async () => {
      await guessFromMany()
      const bought = await buy(world.signIn({ address: away }))
      await world.signIn({ address: away, ...bought })
    },
  )

  test('attempts from elsewhere do not lock out a known device in any network', async () => {
    await world.signIn({ deviceId: 'phone' })
    await guessFromMany()
    await expect(world.signIn({ address: placeOf(99) })).rejects.toMatchObject(refused)
    await world.signIn({ address: placeOf(99), deviceId: 'phone' })
  })

  /** Uses up the budget of the network at home with one guess at each of 50 users. */
  const guessAtMany = async () => {
    for (let n = 0; n < 50; n += 1) await guess(1, { username: `person-${n}` })
  }

  test('a network without attempts left does not lock out a known device', async () => {
    await world.signIn({ deviceId: 'phone', address: away })
    await guessAtMany()
    await expect(world.signIn()).rejects.toMatchObject(refused)
    await expect(world.signIn({ deviceId: 'claimed' })).rejects.toMatchObject(refused)
    await world.signIn({ deviceId: 'phone' })
  })

  test(
    'a network without attempts left does not lock out users who are known there',
    { tags: ['LIMIT-2'] },
    async () => {
      await world.signIn()
      await world.addUser('bert')
      await guessAtMany()
      await world.signIn()
      await world.signIn({ purchase: undefined })
      const bought = await buy(world.signIn({ username: 'bert' }))
      await world.signIn({ username: 'bert', ...bought })
    },
  )

  test(
    'a network without attempts left checks one password for every name',
    { tags: ['LIMIT-4'] },
    async () => {
      await world.signIn()
      await world.addUser('bert')
      await guessAtMany()
      for (const username of ['anna', 'bert', 'nobody']) {
        const before = world.passwords.verifications
        await expect(world.signIn({ username, password: 'wrong' })).rejects.toMatchObject(refused)
        expect(world.passwords.verifications).toBe(before + 1)
        expect(countOf([signInsAt(username, home), signInsTo(username)])).toEqual([1, 1])
      }
    },
  )

  test('a known device spends its own attempts and no others', async () => {
    await world.signIn({ deviceId: 'phone' })
    await guess(2, {})
    await guess(10, { deviceId: 'phone' })
    expect([counts(), countOf([signInsBy('anna', 'phone')])]).toEqual([[2, 2, 2], [10]])
    await expect(world.signIn({ deviceId: 'phone' })).rejects.toMatchObject(refused)
    world.pass(1)
    await world.signIn({ deviceId: 'phone' })
  })

  test('new device ids from a known network do not multiply the attempts', async () => {
    await world.signIn()
    for (let n = 0; n < 10; n += 1) await guess(1, { deviceId: `claimed-${n}` })
    await expect(world.signIn({ deviceId: 'claimed-10' })).rejects.toMatchObject(refused)
  })

  test('more successes than are free count as guesses', { tags: ['LIMIT-10'] }, async () => {
    for (let n = 0; n < 30; n += 1) await world.signIn()
    expect(counts()).toEqual([0, 0, 0])
    await world.signIn()
    expect(counts()).toEqual([1, 1, 1])
    world.pass(120)
    await world.signIn()
    await world.signIn()
    expect(counts()).toEqual([2, 2, 2])
  })

  test(
    'a bought attempt counts against no budget, and its proof is spent',
    { tags: ['LIMIT-11'] },
    async () => {
      await guess(10, {})
      const before = counts()
      const bought = await buy(world.signIn())
      await expect(world.signIn({ password: 'wrong', ...bought })).rejects.toMatchObject({
        code: 'invalid_credentials',
      })
      expect(counts()).toEqual(before)
      await expect(world.signIn(bought)).rejects.toMatchObject(refused)
    },
  )

  test('a client that cannot buy attempts gets no challenge, and only the waits of its network', async () => {
    await guessFromMany()
    await world.signIn({ address: away, purchase: undefined })
    await guess(10, { address: away, purchase: undefined })
    const refusal = world.signIn({ address: away, purchase: undefined })
    await expect(refusal).rejects.toMatchObject({ ...refused, details: { retryAfterSeconds: 1 } })
    await expect(refusal).rejects.not.toHaveProperty('details.challenge')
  })
})

describe('a sign-in when too much is being hashed', () => {
  const counts = () => [...signInsFrom(home), signInsTo('anna')].map(({ key }) => world.attempts.countOf(key))

  test('a sign-in under hashing overload is refused before an attempt is counted', async () => {
    world.attempts.take = () => Promise.reject(new Error('an attempt was counted'))
    world.passwords.isFull = true
    await expect(world.signIn()).rejects.toMatchObject({ code: 'overloaded' })
  })

  test('a sign-in under hashing overload is refused before any database call', async () => {
    world.passwords.isFull = true
    world.store.setDown(true)
    await expect(world.signIn()).rejects.toMatchObject({ code: 'overloaded' })
  })

  test(
    'a sign-in that hits hashing overload during the check costs no attempt',
    { tags: ['SIGN-IN-17'] },
    async () => {
      const overloaded = new ApplicationError('overloaded', { retryAfterSeconds: 1 })
      world = aWorld(({ passwords }) => ({
        passwords: hasherWith(passwords, { verify: () => Promise.reject(overloaded) }),
      }))
      for (let n = 0; n < 60; n += 1) await expect(world.signIn()).rejects.toBe(overloaded)
      expect(counts()).toEqual([0, 0])
    },
  )

  test('a sign-in whose check fails for another reason keeps its attempt counted', async () => {
    world = aWorld(({ passwords }) => ({
      passwords: hasherWith(passwords, { verify: () => Promise.reject(new Error('broken')) }),
    }))
    await expect(world.signIn()).rejects.toThrow('broken')
    expect(counts()).toEqual([1, 1])
  })
})

describe('a hash of an older kind', () => {
  const outdated = { passwordHash: `fake$1$${password}` as PasswordHash }

  test(
    'a sign-in renews an outdated password hash and ends no session',
    { tags: ['SIGN-IN-2'] },
    async () => {
      const bert = await world.addUser('bert', outdated)
      await world.signIn({ username: 'bert' })
      await world.signIn({ username: 'bert' })
      const stored = world.store.world().users.get(bert.id)
      expect(stored).toEqual({ ...bert, passwordHash: `fake$2$${password}` })
      expect(world.session(1)?.endedAt).toBeUndefined()
    },
  )

  test('a sign-in with a wrong password does not renew an outdated hash', async () => {
    const bert = await world.addUser('bert', outdated)
    await expect(world.signIn({ username: 'bert', password: 'wrong' })).rejects.toThrow()
    expect(world.store.world().users.get(bert.id)).toEqual(bert)
  })

  const failing = (error: Error) =>
    aWorld(({ passwords }) => ({
      passwords: hasherWith(passwords, { hash: () => Promise.reject(error) }),
    }))

  test('a sign-in succeeds with an outdated hash if hashing overload prevents the renewal', async () => {
    world = failing(new ApplicationError('overloaded', { retryAfterSeconds: 1 }))
    const bert = await world.addUser('bert', outdated)
    expect((await world.signIn({ username: 'bert' })).session.userId).toBe(bert.id)
    expect(world.store.world().users.get(bert.id)).toEqual(bert)
  })

  test('a sign-in fails if renewing an outdated hash fails for a reason other than overload', async () => {
    world = failing(new Error('broken'))
    await world.addUser('bert', outdated)
    await expect(world.signIn({ username: 'bert' })).rejects.toThrow('broken')
  })
})

describe('a change between the password check and the session', () => {
  /** Signs in while `meanwhile` changes the user just after the password check. */
  async function signInWhile(meanwhile: (user: User) => User) {
    world = aWorld(({ passwords }) => ({
      passwords: hasherWith(passwords, {
        verify: async (...given) => {
          const result = await passwords.verify(...given)
          await world.store.transactions.transaction('system', (tx) => tx.users.save(meanwhile(anna)))
          return result
        },
      }),
    }))
    anna = await world.addUser('anna')
    return world.signIn()
  }

  test('a password changed during a sign-in refuses it', async () => {
    const signIn = signInWhile((user) => changePassword(user, 'fake$2$another' as PasswordHash))
    await expect(signIn).rejects.toMatchObject({ code: 'invalid_credentials' })
    noSession()
  })

  test('a ban during a sign-in refuses it', async () => {
    await expect(signInWhile((user) => disable(user, aBan({ since: at(0) })))).rejects.toMatchObject({
      code: 'user_disabled',
    })
    noSession()
  })

  test('a renewed hash or new roles during a sign-in do not refuse it, and the new roles count', async () => {
    const issued = await signInWhile((user) => ({
      ...user,
      roles: ['admin'],
      passwordHash: 'fake$3$x' as PasswordHash,
    }))
    expect(issued.accessToken).toContain(' admin ')
  })
})

describe('sessions that a sign-in replaces or displaces', () => {
  test('a device that signs in again replaces its own session only', async () => {
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

  test('sign-ins without a device id do not replace each other', async () => {
    await world.signIn()
    await world.signIn()
    expect(world.session(1)?.endReason).toBeUndefined()
  })

  test(
    'a sign-in above the maximum ends the session that was unused for longest',
    { tags: ['ACCOUNT-8'] },
    async () => {
      world = aWorld(() => ({ maximumSessionsPerUser: 2 }))
      await world.addUser('anna')
      const first = await world.signIn()
      world.pass(1)
      await world.signIn()
      world.pass(1)
      await world.useCases.refreshSession({
        refreshToken: first.refreshToken,
        address: home,
        userAgent: 'Mozilla/5.0',
      })
      await world.signIn()
      expect([1, 2, 3].map((number) => world.session(number)?.endReason)).toEqual([
        undefined,
        'displaced',
        undefined,
      ])
    },
  )

  test('a sign-in that replaces a session displaces no other one', async () => {
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

  test('a sign-in does not replace or displace sessions that have run out', async () => {
    world = aWorld(() => ({ maximumSessionsPerUser: 1 }))
    await world.addUser('anna')
    await world.signIn({ deviceId: 'phone' })
    world.pass(30 * DAY)
    await world.signIn({ deviceId: 'phone' })
    expect(world.session(1)?.endReason).toBeUndefined()
  })
})
