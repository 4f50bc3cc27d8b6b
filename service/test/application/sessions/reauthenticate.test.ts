import { beforeEach, describe, expect, test } from 'vitest'
import { passwordChecksIn } from '../../../src/application/attempt-budgets.ts'
import { wakeForRevocations } from '../../../src/application/revocations/revocation-feed.ts'
import type { Caller } from '../../../src/application/sessions/caller.ts'
import type { UseCaseDeps } from '../../../src/application/use-cases.ts'
import { hasherWith } from '../../fakes/fake-password-hasher.ts'
import { at, sessionId } from '../../support/builders.ts'
import { codeIn, enrol, type Enrolled } from '../factors/enrolled.ts'
import { aWorld, home, password, type World } from '../world.ts'

let world: World
let anna: Caller

/** Anna has sessions 1 and 2, and her requests come from the first. */
async function begin(replace?: (deps: UseCaseDeps) => Partial<UseCaseDeps>): Promise<void> {
  world = aWorld(replace)
  await world.addUser('anna')
  anna = await world.signInAsCaller()
  await world.signIn()
}
beforeEach(() => begin())

const reauthenticate = (currentPassword = password) =>
  world.useCases.reauthenticate(anna, { currentPassword })
const token = (generation: number) => `refresh 1 ${sessionId(1)} ${generation}`
const refresh = (generation: number) =>
  world.useCases.refreshSession({ refreshToken: token(generation), address: home, userAgent: 'Mozilla/5.0' })
const endAll = () => world.useCases.endUserSessions('service:ops', anna.user.id)

test('entering the password again returns tokens of a new generation, with a new auth_time', async () => {
  world.pass(4_000)
  const issued = await reauthenticate()
  expect(issued.refreshToken).toBe(token(1))
  expect(issued.session).toEqual(world.session(1))
  expect(issued.session).toEqual({
    ...anna.session,
    generation: 1,
    oldestGeneration: 1,
    authTime: at(4_000),
    refreshedAt: at(4_000),
    idleExpiresAt: issued.refreshExpiresAt,
  })
  expect((await world.useCases.authenticate(issued.accessToken)).token.generation).toBe(1)
})

test('entering the password again emits an event, wakes the feed and ends no session', async () => {
  await reauthenticate()
  const [event] = world.store.world().events.slice(-1)
  expect(event).toEqual({
    type: 'session.reauthenticated',
    userId: anna.user.id,
    occurredAt: at(0),
    data: { session_id: sessionId(1) },
  })
  expect(world.store.world().revocations).toMatchObject([
    { sessionId: sessionId(1), reason: 'tokens_renewed', upToGeneration: 0 },
  ])
  let wakeUps = 0
  wakeForRevocations({ wake: () => (wakeUps += 1) })(event === undefined ? [] : [event])
  expect(wakeUps).toBe(1)
  expect(world.session(2)?.endedAt).toBeUndefined()
})

test('entering the password again withdraws the earlier tokens of the session', async () => {
  const { accessToken } = await world.signIn()
  anna = await world.useCases.authenticate(accessToken)
  const { ticket } = await world.useCases.createTicket(anna, undefined)
  await reauthenticate()
  await expect(world.useCases.authenticate(accessToken)).rejects.toMatchObject({
    code: 'invalid_access_token',
  })
  expect(await world.useCases.introspectToken(accessToken)).toBeUndefined()
  await expect(world.useCases.redeemTicket(ticket, undefined)).rejects.toMatchObject({ code: 'ticket_gone' })
})

test('if the response is lost, the earlier refresh token is unknown and no theft, however late it comes', async () => {
  await reauthenticate()
  for (const seconds of [0, 31, 3_600]) {
    world.pass(seconds)
    await expect(refresh(0)).rejects.toMatchObject({ code: 'invalid_refresh_token' })
  }
  expect(world.session(1)?.endedAt).toBeUndefined()
  expect((await refresh(1)).result).toBe('rotated')
})

test('a lost response to a refresh after entering the password again is repeated as usual', async () => {
  await reauthenticate()
  const first = await refresh(1)
  expect(await refresh(1)).toMatchObject({ refreshToken: first.refreshToken, result: 'repeated' })
})

describe('a refused attempt to enter the password again', () => {
  test('a wrong password is refused at its field and changes nothing', async () => {
    const before = world.store.world()
    await expect(reauthenticate('wrong')).rejects.toMatchObject({
      code: 'validation_failed',
      details: { fields: [{ field: 'current_password', code: 'incorrect' }] },
    })
    expect(world.store.world()).toEqual(before)
  })

  test('guesses count per session, and the right password gives them back', async () => {
    const count = () => world.attempts.countOf(passwordChecksIn(sessionId(1)).key)
    await expect(reauthenticate('wrong')).rejects.toThrow()
    expect(count()).toBe(1)
    await reauthenticate()
    expect(count()).toBe(0)
    anna = await world.signInAsCaller()
    for (let n = 0; n < 10; n += 1)
      await expect(reauthenticate('wrong')).rejects.toMatchObject({ code: 'validation_failed' })
    await expect(reauthenticate()).rejects.toMatchObject({ code: 'too_many_attempts' })
    expect(world.session(3)?.generation).toBe(0)
  })

  test('an attempt under hashing overload costs nothing', async () => {
    world.passwords.isFull = true
    await expect(reauthenticate()).rejects.toMatchObject({ code: 'overloaded' })
    expect(world.attempts.countOf(passwordChecksIn(sessionId(1)).key)).toBe(0)
  })
})

describe('while the password is checked', () => {
  let meanwhile: (() => Promise<unknown>) | undefined

  beforeEach(async () => {
    meanwhile = undefined
    await begin(({ passwords }) => ({
      passwords: hasherWith(passwords, {
        verify: async (...given) => {
          const work = meanwhile
          meanwhile = undefined
          await work?.()
          return passwords.verify(...given)
        },
      }),
    }))
  })
  const reauthenticateWhile = (work: () => Promise<unknown>) => {
    meanwhile = work
    return reauthenticate()
  }

  test('a session that ends meanwhile is not renewed', async () => {
    await expect(reauthenticateWhile(endAll)).rejects.toMatchObject({ code: 'session_ended' })
    expect(world.session(1)).toMatchObject({ generation: 0, endReason: 'terminated_by_admin' })
  })

  test('a password that is changed meanwhile does not renew the session', async () => {
    const changed = () =>
      world.useCases.changePassword(anna, { currentPassword: password, newPassword: 'battery staple' })
    await expect(reauthenticateWhile(changed)).rejects.toMatchObject({ code: 'unavailable' })
    expect(world.session(1)?.generation).toBe(1)
  })

  test('a token that is withdrawn meanwhile does not renew the session', async () => {
    const late = reauthenticateWhile(() => reauthenticate())
    await expect(late).rejects.toMatchObject({ code: 'unavailable', details: { retryAfterSeconds: 1 } })
    expect(world.session(1)?.generation).toBe(1)
  })
})

test('a store conflict renews the tokens once', async () => {
  world.store.conflictOnce()
  await reauthenticate()
  expect(world.session(1)?.generation).toBe(1)
  expect(world.eventTypes().filter((type) => type === 'session.reauthenticated')).toHaveLength(1)
})

describe('a user with a second factor', { tags: ['FACTOR-7'] }, () => {
  let careful: Enrolled
  beforeEach(async () => {
    world = aWorld()
    await world.addUser('anna')
    careful = await enrol(world)
    world.pass(970)
  })
  const prove = (proofs: Parameters<World['useCases']['reauthenticate']>[1]) =>
    world.useCases.reauthenticate(careful.caller, proofs)

  test.each<[name: string, proofs: () => Parameters<typeof prove>[0], amr: string[]]>([
    ['the password', () => ({ currentPassword: password }), ['pwd']],
    ['a code', () => ({ code: codeIn(world) }), ['otp']],
    ['a recovery code', () => ({ recoveryCode: careful.recoveryCodes[0] }), ['recovery']],
    ['password and code', () => ({ currentPassword: password, code: codeIn(world) }), ['pwd', 'otp', 'mfa']],
    [
      'password and recovery code',
      () => ({ currentPassword: password, recoveryCode: careful.recoveryCodes[0] }),
      ['pwd', 'recovery', 'mfa'],
    ],
  ])('%s gives tokens that say just that', async (_, proofs, amr) => {
    const { session } = await prove(proofs())
    expect(session).toMatchObject({ amr, authTime: at(1_000), generation: 2, oldestGeneration: 2 })
  })

  test('a code works once, and a wrong password does not use it up', async () => {
    const code = codeIn(world)
    await expect(prove({ code, currentPassword: 'wrong' })).rejects.toThrow()
    const { accessToken } = await prove({ code })
    careful = { ...careful, caller: await world.useCases.authenticate(accessToken) }
    await expect(prove({ code })).rejects.toMatchObject({
      details: { fields: [{ field: 'code', code: 'incorrect' }] },
    })
  })

  test('nothing is not a proof', async () => {
    await expect(prove({})).rejects.toMatchObject({
      details: { fields: [{ field: 'current_password', code: 'required' }] },
    })
  })

  test('wrong codes count per session, and the tenth is the last', { tags: ['FACTOR-5'] }, async () => {
    const before = world.store.world()
    for (let guess = 0; guess < 5; guess += 1) {
      await expect(prove({ code: '000000' })).rejects.toMatchObject({ code: 'validation_failed' })
      await expect(prove({ recoveryCode: 'Z'.repeat(24) })).rejects.toMatchObject({
        code: 'validation_failed',
      })
    }
    await expect(prove({ code: codeIn(world) })).rejects.toMatchObject({ code: 'too_many_attempts' })
    expect(world.store.world()).toEqual(before)
  })
})

test('a code of a user without a second factor is wrong', async () => {
  const attempt = world.useCases.reauthenticate(anna, { code: codeIn(world) })
  await expect(attempt).rejects.toMatchObject({ details: { fields: [{ field: 'code', code: 'incorrect' }] } })
})
