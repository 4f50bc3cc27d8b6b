import { beforeEach, describe, expect, test } from 'vitest'
import { registrationsFrom } from '../../../src/application/attempt-budgets.ts'
import { ApplicationError } from '../../../src/application/errors.ts'
import type { UserId } from '../../../src/domain/user.ts'
import { hasherWith } from '../../fakes/fake-password-hasher.ts'
import { aBan, at } from '../../support/builders.ts'
import { aWorld, home, password, type World } from '../world.ts'

let world: World
beforeEach(() => (world = aWorld()))

const input = {
  username: 'Anna',
  email: 'Anna@Example.org',
  password,
  address: home,
  invitation: undefined,
  purchase: { proof: undefined },
}
const register = (changes: object = {}) => world.useCases.registerUser({ ...input, ...changes })
const attempts = () => world.attempts.countOf(registrationsFrom(home, 20)[0]?.key ?? '')

test('registering stores the user with a password hash and emits an event', async () => {
  const user = await register()
  expect(user).toEqual({
    id: 1,
    username: expect.objectContaining({ text: 'Anna', key: 'anna' }) as unknown,
    email: { text: 'Anna@example.org', key: 'anna@example.org' },
    emailVerified: false,
    passwordHash: `fake$2$${password}`,
    passwordVersion: 1,
    emailVersion: 1,
    factors: [],
    factorsVersion: 1,
    roles: [],
    createdAt: at(0),
    ban: undefined,
  })
  expect(world.store.world().users.get(user.id)).toEqual(user)
  expect(world.store.world().events).toEqual([
    { type: 'user.created', userId: user.id, occurredAt: at(0), data: { username: 'Anna' } },
  ])
  await world.signIn({ username: 'anna' })
})

describe('a registration', () => {
  const nobody = (): void => {
    expect(world.store.world().users.size).toBe(0)
    expect(world.store.world().events).toEqual([])
  }

  test('a registration with several faults names every field and costs no attempt', async () => {
    const refused = register({ username: 'a b', email: 'nowhere', password: 'short' })
    await expect(refused).rejects.toMatchObject({
      code: 'validation_failed',
      details: {
        fields: [
          { field: 'username', code: 'invalid_characters' },
          { field: 'email', code: 'invalid_format' },
          { field: 'password', code: 'too_short' },
        ],
      },
    })
    expect(attempts()).toBe(0)
    nobody()
  })

  test.each(['Admin', 'ADMlN', 'аdmіn', 'chat.auth'])(
    'a registration with %s, a reserved name or one that looks like it, is refused',
    async (username) => {
      const refused = register({ username })
      await expect(refused).rejects.toMatchObject({ code: 'validation_failed' })
      nobody()
    },
  )

  test.each([
    ['that is commonly used', 'password123', 'too_common'],
    ['made of the name', 'xxAnnaxx', 'personal'],
    ['made of the address', 'xAnna@example.orgx', 'personal'],
  ])('a registration with a password %s is refused', async (_, weak, code) => {
    await expect(register({ password: weak })).rejects.toMatchObject({
      code: 'validation_failed',
      details: { fields: [{ field: 'password', code }] },
    })
    nobody()
  })

  test('a weak password costs an attempt, and without attempts no password is scored', async () => {
    let judged = 0
    world = aWorld(({ passwordStrength }) => ({
      passwordStrength: {
        objection: (...given) => {
          judged += 1
          return passwordStrength.objection(...given)
        },
      },
    }))
    const weak = () => register({ password: 'password123' })
    for (let n = 0; n < 20; n += 1) await expect(weak()).rejects.toMatchObject({ code: 'validation_failed' })
    expect([judged, attempts()]).toEqual([20, 20])
    await expect(weak()).rejects.toMatchObject({ code: 'too_many_attempts' })
    expect(judged).toBe(20)
  })

  test('a registration whose password contains only the email address is refused', async () => {
    const refused = register({ username: 'Berta', password: 'xAnna@example.orgx' })
    await expect(refused).rejects.toMatchObject({ details: { fields: [{ code: 'personal' }] } })
  })

  test.each([
    [{ email: 'other@example.org' }, 'username_taken'],
    [{ username: 'Berta' }, 'email_taken'],
  ])('a registration with a name or address that is taken is refused (%o)', async (changes, code) => {
    await register()
    const before = world.store.world()
    await expect(register(changes)).rejects.toMatchObject({ code })
    expect(world.store.world()).toEqual(before)
  })

  test('every registration costs an attempt of its network, successful or not', async () => {
    await register()
    for (let n = 1; n < 20; n += 1) await expect(register()).rejects.toMatchObject({ code: 'username_taken' })
    expect(attempts()).toBe(20)
    const refused = register({ username: 'Berta', email: 'berta@example.org' })
    await expect(refused).rejects.toMatchObject({
      code: 'too_many_attempts',
      details: { retryAfterSeconds: 30 },
    })
  })

  test('a registration under hashing overload costs no attempt and adds no user', async () => {
    const overloaded = new ApplicationError('overloaded', { retryAfterSeconds: 1 })
    world = aWorld(({ passwords }) => ({
      passwords: hasherWith(passwords, { hash: () => Promise.reject(overloaded) }),
    }))
    await expect(register()).rejects.toBe(overloaded)
    expect(attempts()).toBe(0)
    nobody()
  })

  test('a registration that meets a store conflict adds one user and one event', async () => {
    world.store.conflictOnce()
    await register()
    expect(world.store.world().users.size).toBe(1)
    expect(world.eventTypes()).toEqual(['user.created'])
  })
})

describe('reading a user', () => {
  test('reading a user is refused if the user is disabled or unknown', async () => {
    const user = await register()
    expect(await world.useCases.readUser(user.id, user.id)).toEqual(user)
    await world.useCases.disableUser('service:ops', user.id, aBan())
    await expect(world.useCases.readUser(user.id, user.id)).rejects.toMatchObject({ code: 'user_not_found' })
    await expect(world.useCases.readUser(99 as UserId, user.id)).rejects.toMatchObject({
      code: 'user_not_found',
    })
  })
})
