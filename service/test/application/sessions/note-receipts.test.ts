import { beforeEach, describe, expect, test } from 'vitest'
import type { Sighting } from '../../../src/application/sessions/note-receipts.ts'
import type { UserId } from '../../../src/domain/user.ts'
import { at, sessionId } from '../../support/builders.ts'
import { aWorld, home, type World } from '../world.ts'

let world: World

/** Anna on session 1 of generation 3, Bert on session 2; ten minutes past noon. */
beforeEach(async () => {
  world = aWorld()
  await world.addUser('anna')
  await world.addUser('bert')
  let { refreshToken } = await world.signIn()
  for (let time = 0; time < 3; time += 1)
    ({ refreshToken } = await world.useCases.refreshSession({ refreshToken, address: home }))
  await world.signIn({ username: 'bert' })
  world.pass(600)
})

const sighting = (changes: Partial<Sighting> = {}): Sighting => ({
  sessionId: sessionId(1),
  userId: undefined,
  generation: 2,
  seenAt: at(300),
  ...changes,
})
const note = async (...sightings: Sighting[]) => {
  await world.useCases.noteReceipts(sightings)
  await world.deps.receipts.flush()
}
const anna = 1 as UserId
const bert = 2 as UserId

describe('a sighting', () => {
  test.each([undefined, anna])('confirms its generation; reported for the user %s', async (userId) => {
    await note(sighting({ userId }))
    expect(world.session(1)).toMatchObject({ confirmedGeneration: 2, lastSeenAt: at(300) })
  })

  test('waits with all others for the next write', async () => {
    await world.useCases.noteReceipts([sighting()])
    expect(world.session(1)).toMatchObject({ confirmedGeneration: 0, lastSeenAt: at(0) })
    await world.deps.receipts.flush()
    expect(world.session(1)).toMatchObject({ confirmedGeneration: 2 })
  })

  test('makes the token before its generation a replay, which it was not', async () => {
    const refreshToken = `refresh 1 ${sessionId(1)} 2`
    const refresh = () => world.useCases.refreshSession({ refreshToken, address: home })
    const answer = { refreshToken: `refresh 1 ${sessionId(1)} 3` }
    expect(await refresh()).toMatchObject(answer)
    await note(sighting({ generation: 2 }))
    expect(await refresh()).toMatchObject(answer)
    await note(sighting({ generation: 3 }))
    await expect(refresh()).rejects.toMatchObject({ code: 'refresh_token_reused' })
  })

  test('of a generation to come confirms what there is', async () => {
    await note(sighting({ generation: 2 ** 31 - 1 }))
    expect(world.session(1)?.confirmedGeneration).toBe(3)
  })

  test('by a clock that is fast happened now', async () => {
    await note(sighting({ seenAt: at(601) }), sighting({ sessionId: sessionId(2), seenAt: at(9e9) }))
    for (const number of [1, 2]) expect(world.session(number)?.lastSeenAt).toEqual(at(600))
  })

  test('at a time that is none happened now', async () => {
    await note(sighting({ seenAt: new Date(NaN) }))
    expect(world.session(1)?.lastSeenAt).toEqual(at(600))
  })

  test.each([
    ['an unknown session', { sessionId: sessionId(9) }],
    ['an unknown session of a known user', { sessionId: sessionId(9), userId: anna }],
    ['the session of somebody else', { userId: bert }],
    ['an unknown user', { userId: 999 as UserId }],
  ])('of %s changes nothing', async (_, changes) => {
    const before = world.store.world().sessions
    await note(sighting(changes))
    expect(world.store.world().sessions).toEqual(before)
  })

  test('that cannot be used leaves the others alone', async () => {
    const other = { sessionId: sessionId(2), generation: 0 }
    await note(sighting({ sessionId: sessionId(9) }), sighting(), sighting({ ...other, userId: anna }))
    expect(world.session(1)?.confirmedGeneration).toBe(2)
    expect(world.session(2)?.lastSeenAt).toEqual(at(0))
  })
})

describe('the look-up of users', () => {
  let asked: (readonly string[])[]

  beforeEach(async () => {
    asked = []
    world = aWorld(({ sessions }) => ({
      sessions: {
        ...sessions,
        usersOf: (ids) => {
          asked.push(ids)
          return sessions.usersOf(ids)
        },
      },
    }))
    await world.addUser('anna')
    for (let time = 0; time < 3; time += 1) await world.signIn()
  })

  test('is one for all sightings, and only for those that name none', async () => {
    const [one, two, three] = [1, 2, 3].map((number) => sighting({ sessionId: sessionId(number) }))
    await note(one as Sighting, { ...(two as Sighting), userId: anna }, three as Sighting)
    expect(asked).toEqual([[sessionId(1), sessionId(3)]])
  })
})

test('nothing to note is fine', async () => {
  const before = world.store.world()
  await note()
  expect(world.store.world()).toEqual(before)
})

test('while the store is away a sighting without a user is unavailable, to be reported again', async () => {
  world.store.setAway(true)
  await expect(world.useCases.noteReceipts([sighting()])).rejects.toMatchObject({ code: 'unavailable' })
})
