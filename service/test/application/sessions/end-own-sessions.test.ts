import { beforeEach, describe, expect, test } from 'vitest'
import type { Caller } from '../../../src/application/sessions/authenticate.ts'
import type { UserId } from '../../../src/domain/user.ts'
import { DAY, sessionId } from '../../support/builders.ts'
import { aWorld, type World } from '../world.ts'

let world: World
let caller: Caller

/** Anna on her first, second and third session; she asks on the first. Bert on the fourth. */
beforeEach(async () => {
  world = aWorld()
  await world.addUser('anna')
  await world.addUser('bert')
  caller = await world.signInAsCaller()
  await world.signIn()
  await world.signIn()
  await world.signIn({ username: 'bert' })
})

const reasons = () => [1, 2, 3, 4].map((number) => world.session(number)?.endReason)

describe('a person who ends', () => {
  test('the session they ask on has signed out', async () => {
    await world.useCases.endOwnSession(caller, sessionId(1))
    expect(reasons()).toEqual(['signed_out', undefined, undefined, undefined])
  })

  test('another session of theirs has terminated it', async () => {
    await world.useCases.endOwnSession(caller, sessionId(2))
    expect(reasons()).toEqual([undefined, 'terminated', undefined, undefined])
    expect(world.store.world().revocations).toMatchObject([{ sessionId: sessionId(2), reason: 'terminated' }])
    expect(world.eventTypes().at(-1)).toBe('session.ended')
  })

  test.each([
    ['a session of somebody else', 4],
    ['a session that does not exist', 9],
  ])('%s is told that there is none', async (_, number) => {
    const refused = world.useCases.endOwnSession(caller, sessionId(number))
    await expect(refused).rejects.toMatchObject({ code: 'session_not_found' })
    expect(reasons()).toEqual([undefined, undefined, undefined, undefined])
  })

  test('a session twice has changed nothing the second time', async () => {
    await world.useCases.endOwnSession(caller, sessionId(2))
    const before = world.store.world()
    await world.useCases.endOwnSession(caller, sessionId(2))
    expect(world.store.world()).toEqual(before)
  })

  test('all sessions has signed out and terminated the others', async () => {
    await world.useCases.endAllOwnSessions(caller, { keepCurrent: false })
    expect(reasons()).toEqual(['signed_out', 'terminated', 'terminated', undefined])
    expect(world.store.world().revocations).toHaveLength(3)
  })

  test('all sessions but the one they ask on keeps that', async () => {
    await world.useCases.endAllOwnSessions(caller, { keepCurrent: true })
    expect(reasons()).toEqual([undefined, 'terminated', 'terminated', undefined])
  })

  test('all sessions again has changed nothing', async () => {
    await world.useCases.endAllOwnSessions(caller, { keepCurrent: false })
    const before = world.store.world()
    await world.useCases.endAllOwnSessions(caller, { keepCurrent: false })
    expect(world.store.world()).toEqual(before)
  })

  test('all sessions leaves those that ran out to the clean-up', async () => {
    world.pass(31 * DAY)
    await world.useCases.endAllOwnSessions(caller, { keepCurrent: false })
    expect(reasons()).toEqual([undefined, undefined, undefined, undefined])
  })
})

describe('an operator who ends the sessions of a person', () => {
  test('ends all of them, and nobody else’s', async () => {
    await world.useCases.endUserSessions(caller.user.id)
    const reason = 'terminated_by_admin'
    expect(reasons()).toEqual([reason, reason, reason, undefined])
    expect(world.store.world().revocations).toHaveLength(3)
  })

  test('that does not exist is told so', async () => {
    await expect(world.useCases.endUserSessions(99 as UserId)).rejects.toMatchObject({
      code: 'user_not_found',
    })
  })

  test('without live sessions changes nothing', async () => {
    await world.useCases.endUserSessions(caller.user.id)
    const before = world.store.world()
    await world.useCases.endUserSessions(caller.user.id)
    expect(world.store.world()).toEqual(before)
  })
})

describe('sessions that have run out', () => {
  test('are marked as expired, without revocations, up to the limit at a time', async () => {
    await world.useCases.endOwnSession(caller, sessionId(3))
    const revocations = world.store.world().revocations
    world.pass(30 * DAY)
    await world.signIn()
    expect(await world.useCases.expireSessions(2)).toBe(2)
    expect(await world.useCases.expireSessions(2)).toBe(1)
    expect(await world.useCases.expireSessions(2)).toBe(0)
    expect(reasons()).toEqual(['expired', 'expired', 'terminated', 'expired'])
    expect(world.session(5)?.endReason).toBeUndefined()
    expect(world.store.world().revocations).toEqual(revocations)
    const events = world.store.world().events.filter(({ type }) => type === 'session.ended')
    expect(events.map(({ data }) => (data as { reason: string }).reason).sort()).toEqual([
      ...['expired', 'expired', 'expired'],
      'terminated',
    ])
  })

  test('are not marked a second before', async () => {
    world.pass(30 * DAY - 1)
    expect(await world.useCases.expireSessions(10)).toBe(0)
  })
})

test('a person sees their live sessions only', async () => {
  await world.useCases.endOwnSession(caller, sessionId(2))
  const listed = await world.useCases.listSessions(caller.user.id)
  expect(listed.map(({ id }) => id)).toEqual([sessionId(3), sessionId(1)])
  world.pass(31 * DAY)
  expect(await world.useCases.listSessions(caller.user.id)).toEqual([])
})
