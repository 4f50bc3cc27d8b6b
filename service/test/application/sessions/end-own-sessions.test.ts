import { beforeEach, describe, expect, test } from 'vitest'
import type { Caller } from '../../../src/application/sessions/caller.ts'
import type { UserId } from '../../../src/domain/user.ts'
import { DAY, sessionId } from '../../support/builders.ts'
import { aWorld, type World } from '../world.ts'

let world: World
let caller: Caller

/** Anna has sessions 1 to 3, and her requests come from the first. Bert has session 4. */
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

describe('a user who ends own sessions', () => {
  test('ending the current session signs the user out', async () => {
    await world.useCases.endOwnSession(caller, sessionId(1))
    expect(reasons()).toEqual(['signed_out', undefined, undefined, undefined])
  })

  test('ending another own session ends it as terminated', async () => {
    await world.useCases.endOwnSession(caller, sessionId(2))
    expect(reasons()).toEqual([undefined, 'terminated', undefined, undefined])
    expect(world.store.world().revocations).toMatchObject([{ sessionId: sessionId(2), reason: 'terminated' }])
    expect(world.eventTypes().at(-1)).toBe('session.ended')
  })

  test.each([
    ['a session of another user', 4],
    ['a session that does not exist', 9],
  ])('ending %s is refused as session_not_found', async (_, number) => {
    const refused = world.useCases.endOwnSession(caller, sessionId(number))
    await expect(refused).rejects.toMatchObject({ code: 'session_not_found' })
    expect(reasons()).toEqual([undefined, undefined, undefined, undefined])
  })

  test('ending an own session again changes nothing', async () => {
    await world.useCases.endOwnSession(caller, sessionId(2))
    const before = world.store.world()
    await world.useCases.endOwnSession(caller, sessionId(2))
    expect(world.store.world()).toEqual(before)
  })

  test('ending all own sessions signs out the current one and terminates the others', async () => {
    await world.useCases.endAllOwnSessions(caller, { keepCurrent: false })
    expect(reasons()).toEqual(['signed_out', 'terminated', 'terminated', undefined])
    expect(world.store.world().revocations).toHaveLength(3)
  })

  test('ending all other own sessions keeps the current one', async () => {
    await world.useCases.endAllOwnSessions(caller, { keepCurrent: true })
    expect(reasons()).toEqual([undefined, 'terminated', 'terminated', undefined])
  })

  test('ending all own sessions again changes nothing', async () => {
    await world.useCases.endAllOwnSessions(caller, { keepCurrent: false })
    const before = world.store.world()
    await world.useCases.endAllOwnSessions(caller, { keepCurrent: false })
    expect(world.store.world()).toEqual(before)
  })

  test('ending all own sessions leaves sessions that ran out to the clean-up', async () => {
    world.pass(31 * DAY)
    const anyway = { keepCurrent: false, cannotReauthenticate: true }
    await world.useCases.endAllOwnSessions(caller, anyway)
    expect(reasons()).toEqual([undefined, undefined, undefined, undefined])
  })
})

describe('an operator who ends the sessions of a user', () => {
  test('an operator ends all sessions of one user and of no other', async () => {
    await world.useCases.endUserSessions('service:ops', caller.user.id)
    const reason = 'terminated_by_admin'
    expect(reasons()).toEqual([reason, reason, reason, undefined])
    expect(world.store.world().revocations).toHaveLength(3)
  })

  test('ending the sessions of an unknown user is refused', async () => {
    await expect(world.useCases.endUserSessions('service:ops', 99 as UserId)).rejects.toMatchObject({
      code: 'user_not_found',
    })
  })

  test('ending the sessions of a user without live ones changes nothing', async () => {
    await world.useCases.endUserSessions('service:ops', caller.user.id)
    const before = world.store.world()
    await world.useCases.endUserSessions('service:ops', caller.user.id)
    expect(world.store.world()).toEqual(before)
  })
})

describe('sessions that have run out', () => {
  test('sessions that ran out are marked as expired in batches, without revocations', async () => {
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
      'expired',
      'expired',
      'expired',
      'terminated',
    ])
  })

  test('sessions are not marked as expired a second before they run out', async () => {
    world.pass(30 * DAY - 1)
    expect(await world.useCases.expireSessions(10)).toBe(0)
  })
})

test('a user sees only their live sessions', async () => {
  await world.useCases.endOwnSession(caller, sessionId(2))
  const listed = await world.useCases.listSessions(caller)
  expect(listed.map(({ id }) => id)).toEqual([sessionId(3), sessionId(1)])
  world.pass(31 * DAY)
  expect(await world.useCases.listSessions(caller)).toEqual([])
})
