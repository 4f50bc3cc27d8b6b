import { beforeEach, describe, expect, test } from 'vitest'
import type { Sighting } from '../../../src/application/sessions/note-receipts.ts'
import type { UserId } from '../../../src/domain/user.ts'
import { at, sessionId } from '../../support/builders.ts'
import { aWorld, home, type World } from '../world.ts'

let world: World

/** Anna has session 1 at generation 3, and Bert has session 2. It is ten minutes past noon. */
beforeEach(async () => {
  world = aWorld()
  await world.addUser('anna')
  await world.addUser('bert')
  let { refreshToken } = await world.signIn()
  for (let time = 0; time < 3; time += 1)
    ({ refreshToken } = await world.useCases.refreshSession({
      refreshToken,
      address: home,
      userAgent: 'Mozilla/5.0',
    }))
  await world.signIn({ username: 'bert' })
  world.pass(600)
})

/** With the proof of its own session and generation, unless `changes` has another one. */
const sighting = (changes: Partial<Sighting> = {}): Sighting => {
  const about = { sessionId: sessionId(1), userId: undefined, generation: 2, seenAt: at(300), ...changes }
  return { proof: `seen ${about.sessionId} ${about.generation}`, ...about }
}
const note = async (...sightings: Sighting[]) => {
  await world.useCases.noteReceipts(sightings)
  await world.deps.receipts.flush()
}
const anna = 1 as UserId
const bert = 2 as UserId

describe('a sighting', () => {
  test.each([undefined, anna])(
    'a sighting reported for the user %s confirms its generation',
    async (userId) => {
      await note(sighting({ userId }))
      expect(world.session(1)).toMatchObject({ confirmedGeneration: 2, lastSeenAt: at(300) })
    },
  )

  test('a sighting is written with the others by the next flush', async () => {
    await world.useCases.noteReceipts([sighting()])
    expect(world.session(1)).toMatchObject({ confirmedGeneration: 0, lastSeenAt: at(0) })
    await world.deps.receipts.flush()
    expect(world.session(1)).toMatchObject({ confirmedGeneration: 2 })
  })

  test('a sighting turns the refresh token before its generation into a replay', async () => {
    const refreshToken = `refresh 1 ${sessionId(1)} 2`
    const refresh = () =>
      world.useCases.refreshSession({ refreshToken, address: home, userAgent: 'Mozilla/5.0' })
    const response = { refreshToken: `refresh 1 ${sessionId(1)} 3` }
    expect(await refresh()).toMatchObject(response)
    await note(sighting({ generation: 2 }))
    expect(await refresh()).toMatchObject(response)
    await note(sighting({ generation: 3 }))
    await expect(refresh()).rejects.toMatchObject({ code: 'refresh_token_reused' })
  })

  test('a sighting above the generation of a session that was set back is ignored', async () => {
    const before = world.session(1)
    await world.useCases.noteReceipts([sighting({ generation: 4 })])
    expect(await world.deps.receipts.flush()).toBe(1)
    expect(world.session(1)).toEqual(before)
  })

  test.each([
    ['no proof', undefined, { no_proof: 1, wrong_proof: 0 }],
    ['an empty proof', '', { no_proof: 0, wrong_proof: 1 }],
    ['the proof of an earlier generation', `seen ${sessionId(1)} 1`, { no_proof: 0, wrong_proof: 1 }],
    ['the proof of another session', `seen ${sessionId(2)} 2`, { no_proof: 0, wrong_proof: 1 }],
  ])('a sighting with %s is ignored and counted', async (_, proof, ignored) => {
    const before = world.session(1)
    const proven = sighting({ sessionId: sessionId(2), generation: 0 })
    expect(await world.useCases.noteReceipts([sighting({ proof }), proven])).toEqual(ignored)
    await world.deps.receipts.flush()
    expect(world.session(1)).toEqual(before)
    expect(world.session(2)?.lastSeenAt).toEqual(at(300))
  })

  test('a sighting with a future time counts as seen now', async () => {
    await note(
      sighting({ seenAt: at(601) }),
      sighting({ sessionId: sessionId(2), generation: 0, seenAt: at(9e9) }),
    )
    for (const number of [1, 2]) expect(world.session(number)?.lastSeenAt).toEqual(at(600))
  })

  test('a sighting with an invalid time counts as seen now', async () => {
    await note(sighting({ seenAt: new Date(NaN) }))
    expect(world.session(1)?.lastSeenAt).toEqual(at(600))
  })

  test.each([
    ['an unknown session', { sessionId: sessionId(9) }],
    ['an unknown session of a known user', { sessionId: sessionId(9), userId: anna }],
    ['the session of another user', { userId: bert }],
    ['an unknown user', { userId: 999 as UserId }],
  ])('a sighting of %s changes nothing', async (_, changes) => {
    const before = world.store.world().sessions
    await note(sighting(changes))
    expect(world.store.world().sessions).toEqual(before)
  })

  test('an unusable sighting does not affect the others', async () => {
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

  test('no query looks up the user of a sighting without its proof', async () => {
    await note(sighting({ proof: 'guessed' }), sighting({ sessionId: sessionId(2), proof: undefined }))
    expect(asked.flat()).toEqual([])
  })

  test('one query looks up the users of all sightings that name none', async () => {
    const [one, two, three] = [1, 2, 3].map((number) => sighting({ sessionId: sessionId(number) }))
    await note(one as Sighting, { ...(two as Sighting), userId: anna }, three as Sighting)
    expect(asked).toEqual([[sessionId(1), sessionId(3)]])
  })
})

test('noting no sightings changes nothing', async () => {
  const before = world.store.world()
  await note()
  expect(world.store.world()).toEqual(before)
})

test('a sighting without a user is unavailable while the store is down', async () => {
  world.store.setDown(true)
  await expect(world.useCases.noteReceipts([sighting()])).rejects.toMatchObject({ code: 'unavailable' })
})
