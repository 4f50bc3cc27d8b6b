import { beforeEach, describe, expect, test } from 'vitest'
import type { ApplicationError } from '../../../src/application/errors.ts'
import { userDisabled } from '../../../src/domain/event.ts'
import type { User, UserId } from '../../../src/domain/user.ts'
import { aBan, at } from '../../support/builders.ts'
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
  test('disabling a user ends their sessions and emits events', async () => {
    world.pass(9)
    await world.useCases.disableUser('service:ops', anna.id, aBan())
    expect(stored()).toEqual({ ...anna, ban: aBan({ since: at(9) }) })
    expect(reasons()).toEqual(['user_disabled', 'user_disabled', undefined])
    expect(world.store.world().revocations).toHaveLength(2)
    expect(world.eventTypes().slice(-3)).toEqual(['user.disabled', 'session.ended', 'session.ended'])
    expect(world.store.world().events.at(-3)).toMatchObject({
      occurredAt: at(9),
      data: { reason: 'Spam', public_reason: null, until: null },
    })
  })

  test('the same ban again changes nothing', async () => {
    const ban = aBan({ publicReason: 'Advertisements', until: at(60) })
    await world.useCases.disableUser('service:ops', anna.id, ban)
    const before = world.store.world()
    world.pass(9)
    await world.useCases.disableUser('service:ops', anna.id, ban)
    expect(world.store.world()).toEqual(before)
  })

  test.each([
    ['a reason', { reason: 'Worse' }],
    ['a reason for the user', { publicReason: 'Worse' }],
    ['a later end', { until: at(120) }],
    ['no end', { until: undefined }],
  ])('a ban with %s replaces the earlier one and emits an event', async (_, changes) => {
    const first = aBan({ publicReason: 'Advertisements', until: at(60) })
    await world.useCases.disableUser('service:ops', anna.id, first)
    world.pass(9)
    await world.useCases.disableUser('service:ops', anna.id, { ...first, ...changes })
    const second = { ...first, ...changes, since: at(9) }
    expect(stored()?.ban).toEqual(second)
    expect(world.store.world().events.at(-1)).toEqual(userDisabled(anna.id, second))
  })

  test('a ban that is over is replaced by the same ban with a new end', async () => {
    await world.useCases.disableUser('service:ops', anna.id, aBan({ until: at(60) }))
    world.pass(60)
    await world.signIn()
    await world.useCases.disableUser('service:ops', anna.id, aBan({ until: at(120) }))
    expect(stored()?.ban).toMatchObject({ since: at(60), until: at(120) })
    expect(world.session(4)?.endReason).toBe('user_disabled')
  })

  test.each([
    ['now', at(100)],
    ['in the past', at(99)],
    ['in more than ten years', new Date('2036-03-02T12:00:00Z')],
    ['at no time', new Date('never')],
  ])('a ban that ends %s is refused and changes nothing', { tags: ['BAN-3'] }, async (_, until) => {
    world.pass(100)
    const before = world.store.world()
    await expect(world.useCases.disableUser('service:ops', anna.id, aBan({ until }))).rejects.toMatchObject({
      code: 'validation_failed',
      details: { fields: [{ field: 'until', code: 'out_of_range' }] },
    })
    expect(world.store.world()).toEqual(before)
  })

  test('disabling an unknown user is refused', async () => {
    await expect(world.useCases.disableUser('service:ops', 99 as UserId, aBan())).rejects.toMatchObject({
      code: 'user_not_found',
    })
  })
})

describe('enabling', () => {
  test('enabling a user emits an event and allows sign-in, but restores no session', async () => {
    await world.useCases.disableUser('service:ops', anna.id, aBan())
    world.pass(9)
    await world.useCases.enableUser('service:ops', anna.id)
    expect(stored()).toEqual(anna)
    expect(reasons()).toEqual(['user_disabled', 'user_disabled', undefined])
    expect(world.store.world().events.at(-1)).toEqual({
      type: 'user.enabled',
      userId: anna.id,
      occurredAt: at(9),
      data: { note: null },
    })
    await world.signIn()
  })

  test('the note of the operator is in the event', { tags: ['BAN-6'] }, async () => {
    await world.useCases.disableUser('service:ops', anna.id, aBan())
    await world.useCases.enableUser('service:ops', anna.id, 'Appeal accepted')
    expect(world.store.world().events.at(-1)?.data).toEqual({ note: 'Appeal accepted' })
  })

  test('enabling a user who is not disabled changes nothing', async () => {
    const before = world.store.world()
    await world.useCases.enableUser('service:ops', anna.id)
    expect(world.store.world()).toEqual(before)
  })

  test('enabling an unknown user is refused', async () => {
    await expect(world.useCases.enableUser('service:ops', 99 as UserId)).rejects.toMatchObject({
      code: 'user_not_found',
    })
  })
})

describe('bans that are over', () => {
  const lift = () => world.useCases.liftBans(10)
  const bert = () => [...world.store.world().users.values()].find(({ username }) => username.key === 'bert')

  beforeEach(async () => {
    await world.useCases.disableUser('service:ops', anna.id, aBan({ until: at(60) }))
    await world.useCases.disableUser('service:ops', bert()?.id as UserId, aBan())
  })

  test('a ban that is over is lifted by the service, with an event', { tags: ['BAN-1'] }, async () => {
    world.pass(60)
    expect(await lift()).toBe(1)
    expect(stored()).toEqual(anna)
    expect(bert()?.ban).toBeDefined()
    expect(world.store.world().events.at(-1)).toEqual({
      type: 'user.enabled',
      userId: anna.id,
      occurredAt: at(60),
      data: { note: null },
    })
    expect(world.store.world().actors.at(-1)).toBe('system')
    expect(await lift()).toBe(0)
  })

  test('no ban is lifted before its end', { tags: ['BAN-1'] }, async () => {
    world.pass(59)
    const before = world.store.world()
    expect(await lift()).toBe(0)
    expect(world.store.world()).toEqual(before)
  })

  test('a clock that was set back does not end a ban', async () => {
    world.pass(-3600)
    expect(await lift()).toBe(0)
    await expect(world.signIn()).rejects.toMatchObject({ code: 'user_disabled' })
  })
})

describe('signing in', () => {
  const refused = { code: 'user_disabled' }
  const ban = aBan({ publicReason: 'Advertisements', until: at(60) })

  test('a disabled user gets the public reason and the end, and not the other reason', async () => {
    await world.useCases.disableUser('service:ops', anna.id, ban)
    const error: unknown = await world.signIn().catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ ...refused, details: { reason: 'Advertisements', until: at(60) } })
    expect((error as ApplicationError).details.detail).toBe(
      'An operator has disabled this account until 2026-03-01T12:01:00.000Z. ' +
        'Contact the operator of this service. The reason: Advertisements',
    )
    expect(JSON.stringify(error)).not.toContain('Spam')
  })

  test('a ban without words or an end shows neither', async () => {
    await world.useCases.disableUser('service:ops', anna.id, aBan())
    const error: unknown = await world.signIn().catch((thrown: unknown) => thrown)
    expect(Object.keys((error as ApplicationError).details)).toEqual(['detail'])
  })

  test('the ban ends by itself at its time', async () => {
    await world.useCases.disableUser('service:ops', anna.id, ban)
    world.pass(59)
    await expect(world.signIn()).rejects.toMatchObject(refused)
    world.pass(1)
    await world.signIn()
  })
})
