import { beforeEach, describe, expect, test } from 'vitest'
import type { User, UserId } from '../../../src/domain/user.ts'
import { at, sessionId } from '../../support/builders.ts'
import { aWorld, home, ttlSeconds, type World } from '../world.ts'

let world: World
let anna: User

beforeEach(async () => {
  world = aWorld()
  anna = await world.addUser('anna', { roles: ['artist'] })
  await world.signIn()
  await world.signIn()
  await world.addUser('bert')
  await world.signIn({ username: 'bert' })
})

const setRoles = (...roles: string[]) => world.useCases.setRoles('service:ops', anna.id, roles)
const refresh = (generation: number) =>
  world.useCases.refreshSession({
    refreshToken: `refresh 1 ${sessionId(1)} ${generation}`,
    address: home,
    userAgent: 'Mozilla/5.0',
  })
/** The roles in an access token, in the format of the fakes. */
const rolesIn = (accessToken: string): string | undefined => accessToken.split(' ')[4]

describe('setting roles', () => {
  test('setting roles updates the user and live sessions, revokes their tokens, emits an event', async () => {
    await refresh(0)
    await world.useCases.endOwnSession(await world.signInAsCaller(), sessionId(2))
    const ended = world.store.world().revocations
    world.pass(9)
    await setRoles('moderator', 'helper')
    const { users, events, revocations } = world.store.world()
    const roles = ['helper', 'moderator']
    expect(users.get(anna.id)).toEqual({ ...anna, roles })
    expect([1, 2, 3, 4].map((number) => world.session(number)?.roles)).toEqual([roles, ['artist'], [], roles])
    const outdated = { userId: anna.id, reason: 'roles_changed', expiresAt: at(9 + ttlSeconds + 60) }
    expect(revocations.slice(ended.length)).toEqual([
      { ...outdated, sessionId: sessionId(1), upToGeneration: 1 },
      { ...outdated, sessionId: sessionId(4), upToGeneration: 0 },
    ])
    expect(events.at(-1)).toEqual({
      type: 'user.roles_changed',
      userId: anna.id,
      occurredAt: at(9),
      data: { roles },
    })
  })

  test('setting roles ends no session, and the next token has the new roles', async () => {
    await setRoles('moderator')
    expect(world.session(1)?.endedAt).toBeUndefined()
    expect(rolesIn((await refresh(0)).accessToken)).toBe('moderator')
    expect(rolesIn((await world.signIn()).accessToken)).toBe('moderator')
  })

  test('a pair that is repeated after a lost response has the new roles', async () => {
    expect(rolesIn((await refresh(0)).accessToken)).toBe('artist')
    world.pass(3600)
    await setRoles('moderator')
    const repeated = await refresh(0)
    expect(rolesIn(repeated.accessToken)).toBe('moderator')
    expect(repeated.session.generation).toBe(world.store.world().revocations.at(0)?.upToGeneration)
    const next = await refresh(1)
    expect([next.session.generation, rolesIn(next.accessToken)]).toEqual([2, 'moderator'])
  })

  test('a spent refresh token is still a replay after the roles were set', async () => {
    await refresh(0)
    await setRoles('moderator')
    await refresh(1)
    await expect(refresh(0)).rejects.toMatchObject({ code: 'refresh_token_reused' })
  })

  test('the service still accepts tokens with old roles, since it reads the user each time', async () => {
    const { accessToken } = await world.signIn()
    await setRoles('moderator')
    expect((await world.useCases.authenticate(accessToken)).user.roles).toEqual(['moderator'])
  })

  test('setting the roles a user already has, in any order, changes nothing', async () => {
    await setRoles('a', 'b')
    const before = world.store.world()
    await setRoles('b', 'a', 'b')
    expect(world.store.world()).toEqual(before)
  })

  test('setting roles twice revokes the tokens up to the generation of each time', async () => {
    await setRoles('moderator')
    await refresh(0)
    await setRoles()
    const of1 = world.store.world().revocations.filter((each) => each.sessionId === sessionId(1))
    expect(of1.map(({ upToGeneration }) => upToGeneration)).toEqual([0, 1])
    expect(world.session(1)?.roles).toEqual([])
  })

  test('setting roles of a user without sessions revokes nothing', async () => {
    const carl = await world.addUser('carl')
    await world.useCases.setRoles('service:ops', carl.id, ['moderator'])
    expect(world.store.world().revocations).toEqual([])
    expect(world.eventTypes().at(-1)).toBe('user.roles_changed')
  })

  test('setting an invalid role is refused and changes nothing', async () => {
    const before = world.store.world()
    await expect(setRoles('moderator', 'No')).rejects.toMatchObject({
      code: 'validation_failed',
      details: { fields: [{ field: 'roles', code: 'invalid_characters' }] },
    })
    expect(world.store.world()).toEqual(before)
  })

  test('setting roles of an unknown user is refused', async () => {
    await expect(world.useCases.setRoles('service:ops', 99 as UserId, ['moderator'])).rejects.toMatchObject({
      code: 'user_not_found',
    })
  })

  test('setting roles that meets a store conflict is done once and completely', async () => {
    world.store.conflictOnce()
    await setRoles('moderator')
    expect(world.store.world().revocations).toHaveLength(2)
    expect(world.eventTypes().filter((type) => type === 'user.roles_changed')).toHaveLength(1)
  })
})
