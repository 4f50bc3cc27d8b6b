import { beforeEach, describe, expect, test } from 'vitest'
import { passwordChecksOf } from '../../../src/application/attempt-budgets.ts'
import { ApplicationError } from '../../../src/application/errors.ts'
import type { Caller } from '../../../src/application/sessions/authenticate.ts'
import type { UseCaseDeps } from '../../../src/application/use-cases.ts'
import { changePassword } from '../../../src/domain/user.ts'
import type { PasswordHash } from '../../../src/domain/password.ts'
import { hasherWith } from '../../fakes/fake-password-hasher.ts'
import { at, sessionId } from '../../support/builders.ts'
import { aWorld, password, type World } from '../world.ts'

let world: World
let anna: Caller

async function begin(replace?: (deps: UseCaseDeps) => Partial<UseCaseDeps>): Promise<void> {
  world = aWorld(replace)
  await world.addUser('anna')
  anna = await world.signInAsCaller()
  await world.signIn()
  await world.addUser('bert')
  await world.signIn({ username: 'bert' })
}
beforeEach(() => begin())

const newPassword = 'battery staple'
const change = (input: { currentPassword?: string; newPassword?: string } = {}) =>
  world.useCases.changePassword(anna, { currentPassword: password, newPassword, ...input })
const stored = () => world.store.world().users.get(anna.user.id)
const reasons = () => [1, 2, 3].map((number) => world.session(number)?.endReason)

test('a new password is the only one from then on, and ends the other sessions', async () => {
  await change()
  expect(stored()).toEqual({ ...anna.user, passwordHash: `fake$2$${newPassword}`, passwordVersion: 2 })
  expect(reasons()).toEqual([undefined, 'password_changed', undefined])
  await expect(world.signIn()).rejects.toMatchObject({ code: 'invalid_credentials' })
  await world.signIn({ password: newPassword })
})

test('the change and each ended session are told, and revoked', async () => {
  await change()
  expect(world.store.world().events.slice(-2)).toEqual([
    {
      type: 'user.password_changed',
      userId: anna.user.id,
      occurredAt: at(0),
      data: { session_id: sessionId(1) },
    },
    {
      type: 'session.ended',
      userId: anna.user.id,
      occurredAt: at(0),
      data: { session_id: sessionId(2), reason: 'password_changed' },
    },
  ])
  expect(world.store.world().revocations).toMatchObject([{ sessionId: sessionId(2) }])
})

describe('a change', () => {
  test.each([
    ['a wrong current password', { currentPassword: 'wrong' }, 'current_password', 'incorrect'],
    ['a new password that is too short', { newPassword: 'short' }, 'new_password', 'too_short'],
    ['a new password that is common', { newPassword: 'password123' }, 'new_password', 'too_common'],
    ['a new password made of the name', { newPassword: 'xxannaxx' }, 'new_password', 'personal'],
  ])('with %s is refused', async (_, input, field, code) => {
    const before = world.store.world()
    await expect(change(input)).rejects.toMatchObject({
      code: 'validation_failed',
      details: { fields: [{ field, code }] },
    })
    expect(world.store.world()).toEqual(before)
  })

  test('lets nobody guess at the current password without end', async () => {
    for (let n = 0; n < 10; n += 1) await expect(change({ currentPassword: 'wrong' })).rejects.toThrow()
    await expect(change()).rejects.toMatchObject({ code: 'too_many_attempts' })
    expect(stored()).toEqual(anna.user)
  })

  test('when too much is being hashed costs no attempt', async () => {
    const count = () => world.attempts.countOf(passwordChecksOf(anna.user.id).key)
    world.passwords.isFull = true
    await expect(change()).rejects.toMatchObject({ code: 'overloaded' })
    expect(count()).toBe(0)
    world.passwords.isFull = false
    const overloaded = new ApplicationError('overloaded')
    await begin(({ passwords }) => {
      let checks = 0
      const verify: typeof passwords.verify = (...given) =>
        (checks += 1) > 3 ? Promise.reject(overloaded) : passwords.verify(...given)
      return { passwords: hasherWith(passwords, { verify }) }
    })
    await expect(change()).rejects.toBe(overloaded)
    expect(count()).toBe(0)
  })

  test('gives the attempts back when the current password was right', async () => {
    await expect(change({ currentPassword: 'wrong' })).rejects.toThrow()
    await change()
    expect(world.attempts.countOf(passwordChecksOf(anna.user.id).key)).toBe(0)
  })

  test('when too much is being hashed is refused, and the old password stays', async () => {
    await begin(({ passwords }) => ({
      passwords: hasherWith(passwords, { hash: () => Promise.reject(new ApplicationError('overloaded')) }),
    }))
    await expect(change()).rejects.toMatchObject({ code: 'overloaded' })
    expect(stored()).toEqual(anna.user)
  })

  test('that meets a conflict in the store is made once', async () => {
    world.store.conflictOnce()
    await change()
    expect(stored()?.passwordVersion).toBe(2)
    expect(world.eventTypes().filter((type) => type === 'user.password_changed')).toHaveLength(1)
  })
})

describe('while the new password is being hashed', () => {
  const changeWhile = async (meanwhile: () => Promise<void>): Promise<void> => {
    await begin(({ passwords }) => ({
      passwords: hasherWith(passwords, {
        hash: async (chosen) => {
          await meanwhile()
          return passwords.hash(chosen)
        },
      }),
    }))
    await change()
  }

  test('the session that ends takes the change with it', async () => {
    const changed = changeWhile(() => world.useCases.endUserSessions(anna.user.id))
    await expect(changed).rejects.toMatchObject({
      code: 'session_ended',
      details: { reason: 'terminated_by_admin' },
    })
    expect(stored()).toEqual(anna.user)
  })

  test('another change on the same session wins; this one may be tried again, and is no 401', async () => {
    const other = () => changePassword(anna.user, 'fake$2$another' as PasswordHash)
    const changed = changeWhile(() => world.store.transactions.transaction((tx) => tx.users.save(other())))
    await expect(changed).rejects.toMatchObject({ code: 'unavailable', details: { retryAfterSeconds: 1 } })
    expect(stored()).toEqual(other())
    expect(reasons()).toEqual([undefined, undefined, undefined])
    anna = { ...anna, user: other() }
    await expect(change()).rejects.toMatchObject({ details: { fields: [{ code: 'incorrect' }] } })
  })

  test('a change on another session wins, and ends the session that asks', async () => {
    let isFirst = true
    const changed = changeWhile(async () => {
      if (!isFirst) return
      isFirst = false
      const elsewhere = await world.signInAsCaller()
      await world.useCases.changePassword(elsewhere, {
        currentPassword: password,
        newPassword: 'tried first',
      })
    })
    await expect(changed).rejects.toMatchObject({
      code: 'session_ended',
      details: { reason: 'password_changed' },
    })
    expect(stored()?.passwordHash).toBe('fake$2$tried first')
  })

  test('a ban stops the change', async () => {
    const changed = changeWhile(() => world.useCases.disableUser(anna.user.id, 'Spam'))
    await expect(changed).rejects.toMatchObject({
      code: 'session_ended',
      details: { reason: 'user_disabled' },
    })
    expect(stored()?.passwordHash).toBe(anna.user.passwordHash)
  })
})
