import { beforeEach, describe, expect, test } from 'vitest'
import type { User, UserId } from '../../../src/domain/user.ts'
import { at } from '../../support/builders.ts'
import { aWorld, type World } from '../world.ts'

let world: World
let anna: User

beforeEach(async () => {
  world = aWorld()
  anna = await world.addUser('anna')
  await world.signIn()
  await world.signIn()
  await world.addUser('bert')
  await world.signIn({ username: 'bert' })
})

const stored = () => world.store.world().users.get(anna.id)
const reasons = () => [1, 2, 3].map((number) => world.session(number)?.endReason)

describe('disabling', () => {
  test('bans the person, ends their sessions and tells of it', async () => {
    world.pass(9)
    await world.useCases.disableUser(anna.id, 'Spam')
    expect(stored()).toEqual({ ...anna, disabledAt: at(9), disabledReason: 'Spam' })
    expect(reasons()).toEqual(['user_disabled', 'user_disabled', undefined])
    expect(world.store.world().revocations).toHaveLength(2)
    expect(world.eventTypes().slice(-3)).toEqual(['user.disabled', 'session.ended', 'session.ended'])
    expect(world.store.world().events.at(-3)).toMatchObject({ occurredAt: at(9), data: { reason: 'Spam' } })
  })

  test('again changes nothing, the reason neither', async () => {
    await world.useCases.disableUser(anna.id, 'Spam')
    const before = world.store.world()
    await world.useCases.disableUser(anna.id, 'Worse')
    expect(world.store.world()).toEqual(before)
  })

  test('nobody is refused', async () => {
    await expect(world.useCases.disableUser(99 as UserId, 'Spam')).rejects.toMatchObject({
      code: 'user_not_found',
    })
  })
})

describe('enabling', () => {
  test('lets the person sign in again, brings no session back and tells of it', async () => {
    await world.useCases.disableUser(anna.id, 'Spam')
    world.pass(9)
    await world.useCases.enableUser(anna.id)
    expect(stored()).toEqual(anna)
    expect(reasons()).toEqual(['user_disabled', 'user_disabled', undefined])
    expect(world.store.world().events.at(-1)).toEqual({
      ...{ type: 'user.enabled', userId: anna.id },
      ...{ occurredAt: at(9), data: {} },
    })
    await world.signIn()
  })

  test('somebody who is not disabled changes nothing', async () => {
    const before = world.store.world()
    await world.useCases.enableUser(anna.id)
    expect(world.store.world()).toEqual(before)
  })

  test('nobody is refused', async () => {
    await expect(world.useCases.enableUser(99 as UserId)).rejects.toMatchObject({ code: 'user_not_found' })
  })
})
