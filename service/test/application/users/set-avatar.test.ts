import { beforeEach, describe, expect, test, vi } from 'vitest'
import { avatarChangesOf } from '../../../src/application/attempt-budgets.ts'
import type { Caller } from '../../../src/application/sessions/caller.ts'
import { fakeAvatar } from '../../fakes/fake-pictures.ts'
import { at } from '../../support/builders.ts'
import { aWorld, password, type World } from '../world.ts'

let world: World
let anna: Caller

beforeEach(async () => {
  world = aWorld()
  await world.addUser('anna')
  anna = await world.signInAsCaller()
})

const send = (content: string, caller = anna) =>
  world.useCases.setAvatar(caller, () => Promise.resolve(Buffer.from(content)))
const stored = () => world.store.world().users.get(anna.user.id)
const kept = () => world.store.world().media.get(anna.user.id)
const events = () => world.store.world().events.filter(({ type }) => type === 'user.updated')
const countedAttempts = () => world.attempts.countOf(avatarChangesOf(anna.user.id).key)

describe('setting the own picture', () => {
  test('setting a picture stores it and emits an event', async () => {
    const updated = await send('a face')
    expect(updated).toEqual({ ...anna.user, avatar: fakeAvatar('a face').name })
    expect(stored()).toEqual(updated)
    expect(kept()).toEqual(fakeAvatar('a face'))
    expect(events()).toEqual([
      {
        type: 'user.updated',
        userId: anna.user.id,
        occurredAt: at(0),
        data: { username: 'anna', changed: ['avatar'] },
      },
    ])
  })

  test('setting a second picture replaces the first one', async () => {
    await send('a face')
    await send('another face')
    expect([...world.store.world().media]).toEqual([[anna.user.id, fakeAvatar('another face')]])
    expect(events()).toHaveLength(2)
  })

  test('setting the same picture again changes nothing and emits no event', async () => {
    await send('a face')
    const before = world.store.world()
    expect(await send('a face')).toEqual(stored())
    expect(world.store.world()).toEqual(before)
  })

  test('an upload that is not a picture keeps the previous picture', async () => {
    await send('a face')
    const before = world.store.world()
    await expect(send('no picture')).rejects.toMatchObject({ code: 'unsupported_picture' })
    expect(world.store.world()).toEqual(before)
  })

  test('if the event cannot be written, the picture is not stored either', async () => {
    const failing = aWorld(({ transactions }) => ({
      transactions: {
        transaction: (author, work) =>
          transactions.transaction(author, (tx) =>
            work({
              ...tx,
              outbox: {
                ...tx.outbox,
                add: async (added) => {
                  if (added.some(({ type }) => type === 'user.updated')) throw new Error('the disk is full')
                  await tx.outbox.add(added)
                },
              },
            }),
          ),
      },
    }))
    const user = await failing.addUser('anna')
    const caller = await failing.signInAsCaller()
    const sent = failing.useCases.setAvatar(caller, () => Promise.resolve(Buffer.from('a face')))
    await expect(sent).rejects.toThrow('the disk is full')
    expect(failing.store.world().media.size).toBe(0)
    expect(failing.store.world().users.get(user.id)).toEqual(user)
  })

  test('an upload is refused if its session ended during the upload', async () => {
    const sent = world.useCases.setAvatar(anna, async () => {
      await world.useCases.endUserSessions('service:ops', anna.user.id)
      return Buffer.from('a face')
    })
    await expect(sent).rejects.toMatchObject({ code: 'session_ended' })
    expect(kept()).toBeUndefined()
  })

  test('too many uploads are refused before anything is read', { tags: ['HTTP-14'] }, async () => {
    for (let n = 0; n < 20; n += 1) await send(`face ${n}`)
    const read = vi.fn(() => Promise.resolve(Buffer.from('one more')))
    await expect(world.useCases.setAvatar(anna, read)).rejects.toMatchObject({
      code: 'too_many_attempts',
      details: { retryAfterSeconds: 15 },
    })
    expect(read).not.toHaveBeenCalled()
    world.pass(15)
    await send('patience')
    expect(kept()).toEqual(fakeAvatar('patience'))
  })

  test('an upload that is not a picture costs an attempt of that user only', async () => {
    await expect(send('no picture')).rejects.toThrow()
    expect(countedAttempts()).toBe(1)
    const bert = await world.addUser('bert')
    expect(world.attempts.countOf(avatarChangesOf(bert.id).key)).toBe(0)
  })

  test('an upload without processing capacity costs no attempt and reads nothing', async () => {
    world.pictures.isFull = true
    const read = vi.fn(() => Promise.resolve(Buffer.from('a face')))
    await expect(world.useCases.setAvatar(anna, read)).rejects.toMatchObject({ code: 'overloaded' })
    expect(read).not.toHaveBeenCalled()
    expect(countedAttempts()).toBe(0)
  })
})

describe('removing the picture', () => {
  test('removing the picture deletes it and emits an event', async () => {
    await send('a face')
    await world.useCases.removeAvatar(anna)
    expect(stored()).toEqual(anna.user)
    expect(kept()).toBeUndefined()
    expect(events().at(-1)).toMatchObject({ data: { changed: ['avatar'] } })
  })

  test('removing a picture that does not exist changes nothing and emits no event', async () => {
    const before = world.store.world()
    await world.useCases.removeAvatar(anna)
    expect(world.store.world()).toEqual(before)
  })

  test('removing a picture keeps an identical picture of another user', async () => {
    const bert = await world.addUser('bert')
    const asBert = await world.signInAsCaller({ username: 'bert', password })
    await send('a face')
    await send('a face', asBert)
    await world.useCases.removeAvatar(anna)
    expect(world.store.world().media.get(bert.id)).toEqual(fakeAvatar('a face'))
  })

  test('removing the picture on an ended session is refused', async () => {
    await send('a face')
    await world.useCases.endUserSessions('service:ops', anna.user.id)
    await expect(world.useCases.removeAvatar(anna)).rejects.toMatchObject({ code: 'session_ended' })
    expect(kept()).toEqual(fakeAvatar('a face'))
  })
})
