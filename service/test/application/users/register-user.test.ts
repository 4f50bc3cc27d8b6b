import { beforeEach, describe, expect, test } from 'vitest'
import { registrationsFrom } from '../../../src/application/attempt-budgets.ts'
import { ApplicationError } from '../../../src/application/errors.ts'
import type { UserId } from '../../../src/domain/user.ts'
import { hasherWith } from '../../fakes/fake-password-hasher.ts'
import { at } from '../../support/builders.ts'
import { aWorld, home, password, type World } from '../world.ts'

let world: World
beforeEach(() => (world = aWorld()))

const input = { username: 'Anna', email: 'Anna@Example.org', password, address: home }
const register = (changes: object = {}) => world.useCases.registerUser({ ...input, ...changes })
const attempts = () => world.attempts.countOf(registrationsFrom(home).key)

test('registering adds the person, with a hash in place of the password, and tells of it', async () => {
  const user = await register()
  expect(user).toEqual({
    id: 1,
    username: expect.objectContaining({ text: 'Anna', key: 'anna' }) as unknown,
    email: { text: 'Anna@example.org', key: 'anna@example.org' },
    emailVerified: false,
    passwordHash: `fake$2$${password}`,
    passwordVersion: 1,
    roles: [],
    createdAt: at(0),
    disabledAt: undefined,
    disabledReason: undefined,
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

  test('with several faults names all fields at once, and costs no attempt', async () => {
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

  test.each([
    ['commonly used', 'password123', 'too_common'],
    ['made of the name', 'xxAnnaxx', 'personal'],
    ['made of the address', 'xAnna@example.orgx', 'personal'],
  ])('with a password that is %s is refused', async (_, weak, code) => {
    await expect(register({ password: weak })).rejects.toMatchObject({
      code: 'validation_failed',
      details: { fields: [{ field: 'password', code }] },
    })
    nobody()
  })

  test('with a weak password costs an attempt, and the password is not judged when there is none left', async () => {
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

  test('with an address that alone is in the password is refused', async () => {
    const refused = register({ username: 'Berta', password: 'xAnna@example.orgx' })
    await expect(refused).rejects.toMatchObject({ details: { fields: [{ code: 'personal' }] } })
  })

  test.each([
    [{ email: 'other@example.org' }, 'username_taken'],
    [{ username: 'Berta' }, 'email_taken'],
  ])('of somebody who exists is refused (%o)', async (changes, code) => {
    await register()
    const before = world.store.world()
    await expect(register(changes)).rejects.toMatchObject({ code })
    expect(world.store.world()).toEqual(before)
  })

  test('costs an attempt of the network, taken or not, until there are none', async () => {
    await register()
    for (let n = 1; n < 20; n += 1) await expect(register()).rejects.toMatchObject({ code: 'username_taken' })
    expect(attempts()).toBe(20)
    const refused = register({ username: 'Berta', email: 'berta@example.org' })
    await expect(refused).rejects.toMatchObject({
      code: 'too_many_attempts',
      details: { retryAfterSeconds: 30 },
    })
  })

  test('when too much is being hashed is refused, costs no attempt, and nobody is added', async () => {
    const overloaded = new ApplicationError('overloaded', { retryAfterSeconds: 1 })
    world = aWorld(({ passwords }) => ({
      passwords: hasherWith(passwords, { hash: () => Promise.reject(overloaded) }),
    }))
    await expect(register()).rejects.toBe(overloaded)
    expect(attempts()).toBe(0)
    nobody()
  })

  test('that meets a conflict in the store adds one person and one event', async () => {
    world.store.conflictOnce()
    await register()
    expect(world.store.world().users.size).toBe(1)
    expect(world.eventTypes()).toEqual(['user.created'])
  })
})

describe('reading a user', () => {
  test('gives the person, unless they are disabled or do not exist', async () => {
    const user = await register()
    expect(await world.useCases.readUser(user.id)).toEqual(user)
    await world.useCases.disableUser(user.id, 'Spam')
    await expect(world.useCases.readUser(user.id)).rejects.toMatchObject({ code: 'user_not_found' })
    await expect(world.useCases.readUser(99 as UserId)).rejects.toMatchObject({ code: 'user_not_found' })
  })
})
