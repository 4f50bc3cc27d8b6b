import { beforeEach, describe, expect, test } from 'vitest'
import { passwordChecksIn } from '../../../src/application/attempt-budgets.ts'
import type { Caller } from '../../../src/application/sessions/caller.ts'
import type { UseCaseDeps } from '../../../src/application/use-cases.ts'
import { parseEmailAddress } from '../../../src/domain/email-address.ts'
import { deleteUser } from '../../../src/domain/user.ts'
import { hasherWith } from '../../fakes/fake-password-hasher.ts'
import { aBan, at, DAY, sessionId } from '../../support/builders.ts'
import { aWorld, home, password, ttlSeconds, type World } from '../world.ts'

let world: World
let anna: Caller

/** Anna with two live sessions and one that ended, Bert with one. */
async function begin(replace?: (deps: UseCaseDeps) => Partial<UseCaseDeps>): Promise<void> {
  world = aWorld(replace)
  await world.addUser('anna')
  anna = await world.signInAsCaller({ deviceId: 'phone', deviceName: 'Anna’s phone' })
  await world.signIn()
  const { session: third } = await world.signIn()
  await world.useCases.endOwnSession(anna, third.id)
  await world.addUser('bert')
  await world.signIn({ username: 'bert', deviceName: 'Bert’s phone' })
}
beforeEach(() => begin())

const remove = (currentPassword = password) => world.useCases.deleteUser(anna, { currentPassword })
const stored = () => world.store.world().users.get(anna.user.id)
const reasons = () => [1, 2, 3, 4].map((number) => world.session(number)?.endReason)
const setAvatar = (content: string) =>
  world.useCases.setAvatar(anna, () => Promise.resolve(Buffer.from(content)))

describe('deleting the own account', () => {
  test('deleting a user keeps the id and removes all personal data', async () => {
    world.pass(9)
    await remove()
    expect(stored()).toEqual(deleteUser(anna.user, at(9)))
    const { id, createdAt, passwordVersion, ...rest } = stored() as NonNullable<ReturnType<typeof stored>>
    expect({ id, createdAt, passwordVersion }).toEqual({
      id: anna.user.id,
      createdAt: at(0),
      passwordVersion: 2,
    })
    expect(rest).toEqual({
      username: { text: `:${id}`, key: `:${id}` },
      email: { text: `:${id}`, key: `:${id}` },
      emailVerified: false,
      emailVersion: 2,
      passwordHash: '$argon2id$',
      factors: [],
      factorsVersion: 2,
      roles: [],
      ban: undefined,
      avatar: undefined,
      deletedAt: at(9),
    })
  })

  test('deleting a user ends every live session of that user as user_deleted', async () => {
    world.pass(9)
    await remove()
    expect(reasons()).toEqual(['user_deleted', 'user_deleted', 'terminated', undefined])
    const revoked = world.store.world().revocations.filter(({ reason }) => reason === 'user_deleted')
    expect(revoked).toMatchObject(
      [1, 2].map((number) => ({
        sessionId: sessionId(number),
        userId: anna.user.id,
        expiresAt: at(9 + ttlSeconds + 60),
      })),
    )
  })

  test('deleting a user emits events for each session and the user, without personal data', async () => {
    world.pass(9)
    await remove()
    const about = { userId: anna.user.id, occurredAt: at(9) }
    expect(world.store.world().events.slice(-3)).toEqual([
      ...[1, 2].map((number) => ({
        type: 'session.ended',
        ...about,
        data: { session_id: sessionId(number), reason: 'user_deleted' },
      })),
      { type: 'user.deleted', ...about, data: {} },
    ])
  })

  test('deleting a user redacts earlier events of that user and of no other', async () => {
    await world.useCases.updateUser(anna, {
      username: 'Annabelle',
      email: undefined,
      currentPassword: undefined,
    })
    await remove()
    const text = JSON.stringify(world.store.world().events)
    for (const trace of ['anna', 'Annabelle', 'phone"', 'Firefox'])
      expect(text.replaceAll('Bert’s phone', '')).not.toContain(trace)
    expect(text).toContain('Bert’s phone')
    expect(world.store.world().events.map(({ userId }) => userId)).toContain(anna.user.id)
  })

  test('deleting a user removes the devices of all their sessions, including ended ones', async () => {
    await remove()
    for (const number of [1, 2, 3]) {
      const device = { id: undefined, name: '', userAgent: '', address: '0.0.0.0' }
      expect(world.session(number)?.device).toEqual(device)
    }
    expect(world.session(4)?.device.name).toBe('Bert’s phone')
  })

  test('deleting a user removes the picture', async () => {
    const { avatar } = await setAvatar('a face')
    expect(await world.store.media.find(avatar ?? '', 512)).toBeDefined()
    await remove()
    expect(await world.store.media.find(avatar ?? '', 512)).toBeUndefined()
  })

  test('the name of a deleted user and its lookalikes stay reserved, but the address is free', async () => {
    await remove()
    for (const name of ['anna', 'ANNA']) {
      const email = parseEmailAddress('other@example.org')
      await expect(world.addUser(name, { email })).rejects.toMatchObject({ code: 'username_taken' })
    }
    const next = await world.addUser('carla', { email: anna.user.email })
    expect(next.id).not.toBe(anna.user.id)
  })

  test('the name of a deleted user stays reserved for 90 days', async () => {
    const until: Date[] = []
    await begin(({ transactions }) => ({
      transactions: {
        transaction: (author, work) =>
          transactions.transaction(author, (tx) =>
            work({
              ...tx,
              users: {
                ...tx.users,
                holdName: (name, time, heldFor) => {
                  until.push(time)
                  return tx.users.holdName(name, time, heldFor)
                },
              },
            }),
          ),
      },
    }))
    world.pass(9)
    await remove()
    expect(until).toEqual([at(9 + 90 * DAY)])
  })

  test('a deleted user can neither sign in, refresh, use a token nor be found', async () => {
    const tokens = await world.signIn()
    await remove()
    await expect(world.signIn()).rejects.toMatchObject({ code: 'invalid_credentials' })
    await expect(world.signIn({ username: 'anna@example.org' })).rejects.toMatchObject({
      code: 'invalid_credentials',
    })
    const ended = { code: 'session_ended', details: { reason: 'user_deleted' } }
    await expect(world.useCases.authenticate(tokens.accessToken)).rejects.toMatchObject(ended)
    const refreshed = world.useCases.refreshSession({
      refreshToken: tokens.refreshToken,
      address: home,
      userAgent: 'Mozilla/5.0',
    })
    await expect(refreshed).rejects.toMatchObject(ended)
    await expect(world.useCases.readUser(anna.user.id, anna.user.id)).rejects.toMatchObject({
      code: 'user_not_found',
    })
    expect(await world.useCases.lookupUsers([anna.user.id])).toEqual([])
    await expect(world.useCases.disableUser('service:ops', anna.user.id, aBan())).rejects.toMatchObject({
      code: 'user_not_found',
    })
  })

  test('deleting a user twice is refused, since the session has ended', async () => {
    await remove()
    await expect(remove()).rejects.toMatchObject({
      code: 'session_ended',
      details: { reason: 'user_deleted' },
    })
  })
})

describe('a wrong password for a deletion', () => {
  const before = {
    code: 'validation_failed',
    details: { fields: [{ field: 'current_password', code: 'incorrect' }] },
  }

  test('deleting a user with a wrong password changes nothing and counts as an attempt', async () => {
    const world_ = world.store.world()
    await expect(remove('wrong')).rejects.toMatchObject(before)
    expect(world.store.world()).toEqual(world_)
    expect(world.attempts.countOf(passwordChecksIn(anna.session.id).key)).toBe(1)
  })

  test('after too many wrong passwords, a deletion with the right one is refused', async () => {
    for (let guess = 0; guess < 10; guess += 1) await expect(remove('wrong')).rejects.toMatchObject(before)
    await expect(remove()).rejects.toMatchObject({ code: 'too_many_attempts' })
    expect(stored()).toEqual(anna.user)
  })
})

test('a deletion that fails partway leaves everything unchanged', async () => {
  await begin(({ transactions }) => ({
    transactions: {
      transaction: (author, work) =>
        transactions.transaction(author, (tx) =>
          work({
            ...tx,
            outbox: {
              ...tx.outbox,
              add: (events) => {
                if (events.some(({ type }) => type === 'user.deleted')) throw new Error('the disk is full')
                return tx.outbox.add(events)
              },
            },
          }),
        ),
    },
  }))
  const before = world.store.world()
  await expect(remove()).rejects.toThrow('the disk is full')
  expect(world.store.world()).toEqual(before)
})

/** Runs `meanwhile` directly after the next check of Anna’s password. */
const whileChecking = (meanwhile: () => Promise<unknown>) =>
  begin(({ passwords }) => ({
    passwords: hasherWith(passwords, {
      verify: async (...given) => {
        const checked = await passwords.verify(...given)
        const next = once
        once = undefined
        await next?.()
        return checked
      },
    }),
  })).then(() => {
    once = meanwhile
  })
let once: (() => Promise<unknown>) | undefined

describe('changes during a deletion', () => {
  test('a sign-in checked before a deletion starts no session after it', async () => {
    await whileChecking(() => remove())
    await expect(world.signIn()).rejects.toMatchObject({ code: 'invalid_credentials' })
    expect([...world.store.world().sessions.values()].filter(({ endedAt }) => !endedAt)).toHaveLength(1)
  })

  test('a deletion ends a session that started during its password check', async () => {
    await whileChecking(() => world.signIn())
    await remove()
    expect(world.session(5)?.endReason).toBe('user_deleted')
  })

  test('a ban during a deletion stops it, so that the banned name stays known', async () => {
    await whileChecking(() => world.useCases.disableUser('service:ops', anna.user.id, aBan()))
    await expect(remove()).rejects.toMatchObject({
      code: 'session_ended',
      details: { reason: 'user_disabled' },
    })
    expect(stored()?.deletedAt).toBeUndefined()
  })

  test('a password change during a deletion stops it', async () => {
    await whileChecking(() =>
      world.useCases.changePassword(anna, { currentPassword: password, newPassword: 'battery staple' }),
    )
    await expect(remove()).rejects.toMatchObject({ code: 'unavailable' })
    expect(stored()?.deletedAt).toBeUndefined()
  })

  test('a picture that is uploaded during a deletion is not kept', async () => {
    await whileChecking(() => setAvatar('a face'))
    await remove()
    expect(world.store.world().media.size).toBe(0)
    await expect(setAvatar('another face')).rejects.toMatchObject({ code: 'session_ended' })
    expect(world.store.world().media.size).toBe(0)
  })
})
