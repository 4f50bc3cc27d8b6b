import { beforeEach, describe, expect, test } from 'vitest'
import { passwordChecksIn } from '../../../src/application/attempt-budgets.ts'
import { ApplicationError } from '../../../src/application/errors.ts'
import type { Caller } from '../../../src/application/sessions/caller.ts'
import type { UseCaseDeps } from '../../../src/application/use-cases.ts'
import { changePassword } from '../../../src/domain/user.ts'
import type { PasswordHash } from '../../../src/domain/password.ts'
import { hasherWith } from '../../fakes/fake-password-hasher.ts'
import { aBan, at, sessionId } from '../../support/builders.ts'
import { aWorld, home, password, type World } from '../world.ts'

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

test('a changed password replaces the old one and ends the other sessions', async () => {
  await change()
  expect(stored()).toEqual({ ...anna.user, passwordHash: `fake$2$${newPassword}`, passwordVersion: 2 })
  expect(reasons()).toEqual([undefined, 'password_changed', undefined])
  await expect(world.signIn()).rejects.toMatchObject({ code: 'invalid_credentials' })
  await world.signIn({ password: newPassword })
})

test('changing the password emits an event for it and for each session that it ends and revokes', async () => {
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
  expect(world.store.world().revocations).toMatchObject([
    { sessionId: sessionId(2), reason: 'password_changed', upToGeneration: undefined },
    { sessionId: sessionId(1), reason: 'tokens_renewed', upToGeneration: 0 },
  ])
})

describe('the tokens after a change of the password', () => {
  const token = (generation: number) => `refresh 1 ${sessionId(1)} ${generation}`
  const refresh = (generation: number) =>
    world.useCases.refreshSession({
      refreshToken: token(generation),
      address: home,
      userAgent: 'Mozilla/5.0',
    })

  test('changing the password returns tokens of a new generation, with a new auth_time', async () => {
    world.pass(400)
    const issued = await change()
    expect(issued.refreshToken).toBe(token(1))
    expect(issued.session).toEqual(world.session(1))
    expect(world.session(1)).toMatchObject({
      generation: 1,
      oldestGeneration: 1,
      authTime: at(400),
      refreshedAt: at(400),
      amr: ['pwd'],
    })
    expect((await world.useCases.authenticate(issued.accessToken)).token.generation).toBe(1)
    expect((await refresh(1)).result).toBe('rotated')
  })

  test('changing the password withdraws the earlier tokens of the session and ends nothing', async () => {
    const { accessToken, refreshToken } = await world.signIn()
    anna = await world.useCases.authenticate(accessToken)
    const { ticket } = await world.useCases.createTicket(anna, undefined)
    await change()
    await expect(world.useCases.authenticate(accessToken)).rejects.toMatchObject({
      code: 'invalid_access_token',
    })
    expect(await world.useCases.introspectToken(accessToken)).toBeUndefined()
    await expect(world.useCases.redeemTicket(ticket, undefined)).rejects.toMatchObject({
      code: 'ticket_gone',
    })
    const withdrawn = () =>
      world.useCases.refreshSession({ refreshToken, address: home, userAgent: 'Mozilla/5.0' })
    for (const seconds of [0, 31, 3600]) {
      world.pass(seconds)
      await expect(withdrawn()).rejects.toMatchObject({ code: 'invalid_refresh_token' })
      expect(await world.useCases.introspectToken(refreshToken)).toBeUndefined()
    }
    expect(world.session(4)?.endedAt).toBeUndefined()
  })
})

describe('a change of the password', () => {
  test.each([
    ['a wrong current password', { currentPassword: 'wrong' }, 'current_password', 'incorrect'],
    ['a new password that is too short', { newPassword: 'short' }, 'new_password', 'too_short'],
    ['a new password that is common', { newPassword: 'password123' }, 'new_password', 'too_common'],
    ['a new password made of the name', { newPassword: 'xxannaxx' }, 'new_password', 'personal'],
  ])('changing the password with %s is refused', async (_, input, field, code) => {
    const before = world.store.world()
    await expect(change(input)).rejects.toMatchObject({
      code: 'validation_failed',
      details: { fields: [{ field, code }] },
    })
    expect(world.store.world()).toEqual(before)
  })

  test('guesses at the current password during a change are limited', async () => {
    for (let n = 0; n < 10; n += 1) await expect(change({ currentPassword: 'wrong' })).rejects.toThrow()
    await expect(change()).rejects.toMatchObject({ code: 'too_many_attempts' })
    expect(stored()).toEqual(anna.user)
  })

  test('changing the password under hashing overload costs no attempt', async () => {
    const count = () => world.attempts.countOf(passwordChecksIn(anna.session.id).key)
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

  test('changing the password with the right current one gives the attempts back', async () => {
    await expect(change({ currentPassword: 'wrong' })).rejects.toThrow()
    await change()
    expect(world.attempts.countOf(passwordChecksIn(anna.session.id).key)).toBe(0)
  })

  test('changing the password under hashing overload is refused and keeps the old password', async () => {
    await begin(({ passwords }) => ({
      passwords: hasherWith(passwords, { hash: () => Promise.reject(new ApplicationError('overloaded')) }),
    }))
    await expect(change()).rejects.toMatchObject({ code: 'overloaded' })
    expect(stored()).toEqual(anna.user)
  })

  test('changing the password with a store conflict changes it once', async () => {
    world.store.conflictOnce()
    await change()
    expect(stored()?.passwordVersion).toBe(2)
    expect(world.eventTypes().filter((type) => type === 'user.password_changed')).toHaveLength(1)
  })
})

describe('during the hashing of the new password', () => {
  const changeWhile = async (meanwhile: () => Promise<void>): Promise<void> => {
    await begin(({ passwords }) => ({
      passwords: hasherWith(passwords, {
        hash: async (chosen, share) => {
          await meanwhile()
          return passwords.hash(chosen, share)
        },
      }),
    }))
    await change()
  }

  test('a password change is refused if its session ends during hashing', async () => {
    const changed = changeWhile(() => world.useCases.endUserSessions('service:ops', anna.user.id))
    await expect(changed).rejects.toMatchObject({
      code: 'session_ended',
      details: { reason: 'terminated_by_admin' },
    })
    expect(stored()).toEqual(anna.user)
  })

  test('a password change that loses to one on the same session is unavailable, not refused', async () => {
    const other = () => changePassword(anna.user, 'fake$2$another' as PasswordHash)
    const changed = changeWhile(() =>
      world.store.transactions.transaction('system', (tx) => tx.users.save(other())),
    )
    await expect(changed).rejects.toMatchObject({ code: 'unavailable', details: { retryAfterSeconds: 1 } })
    expect(stored()).toEqual(other())
    expect(reasons()).toEqual([undefined, undefined, undefined])
    anna = { ...anna, user: other() }
    await expect(change()).rejects.toMatchObject({ details: { fields: [{ code: 'incorrect' }] } })
  })

  test('a password change that loses to one on another session gets session_ended', async () => {
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

  test('a ban during hashing stops the password change', async () => {
    const changed = changeWhile(() => world.useCases.disableUser('service:ops', anna.user.id, aBan()))
    await expect(changed).rejects.toMatchObject({
      code: 'session_ended',
      details: { reason: 'user_disabled' },
    })
    expect(stored()?.passwordHash).toBe(anna.user.passwordHash)
  })
})
