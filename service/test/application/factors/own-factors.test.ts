// Adding and removing second factors.
import { beforeEach, describe, expect, test } from 'vitest'
import { codesIn } from '../../../src/application/attempt-budgets.ts'
import type { Caller } from '../../../src/application/sessions/caller.ts'
import { parseRecoveryCode } from '../../../src/domain/recovery-code.ts'
import { at, sessionId } from '../../support/builders.ts'
import { aWorld, password, recentSeconds, type World } from '../world.ts'
import { codeIn, enrol, storedUser } from './enrolled.ts'

let world: World
let anna: Caller

beforeEach(async () => {
  world = aWorld()
  await world.addUser('anna')
  anna = await world.signInAsCaller()
})

const start = (caller = anna) => world.useCases.startTotp(caller)
const confirm = (code = codeIn(world), caller = anna) => world.useCases.confirmTotp(caller, { code })
const incorrect = (field: string) => ({
  code: 'validation_failed',
  details: { fields: [{ field, code: 'incorrect' }] },
})

test('a secret that is not confirmed changes nothing', async () => {
  expect(await start()).toMatchObject({ text: 'SECRET', uri: 'otpauth://totp/anna' })
  expect(await world.useCases.listFactors(anna)).toEqual({ totpAddedAt: undefined, recoveryCodesLeft: 0 })
  await world.signIn()
})

test('a confirmed authenticator is a factor, and comes with ten recovery codes', async () => {
  await start()
  const { recoveryCodes = [] } = await confirm()
  expect(new Set(recoveryCodes.map((code) => parseRecoveryCode(code))).size).toBe(10)
  expect(storedUser(world, anna.user)).toMatchObject({ factors: ['totp'], factorsVersion: 2 })
  expect(await world.useCases.listFactors(anna)).toEqual({ totpAddedAt: at(0), recoveryCodesLeft: 10 })
  await expect(world.signIn()).rejects.toThrow('the user has a second factor')
})

test(
  'a change of the factors gives the session new tokens and withdraws the earlier ones',
  { tags: ['FACTOR-6'] },
  async () => {
    await world.signIn()
    await start()
    world.pass(60)
    const { tokens, otherSessions } = await confirm()
    expect(otherSessions).toBe(1)
    expect(tokens.session).toMatchObject({ id: sessionId(1), generation: 1, oldestGeneration: 1 })
    // The password was proven at the sign-in, so that is the time of both.
    expect(tokens.session).toMatchObject({ amr: ['pwd', 'otp', 'mfa'], authTime: at(0) })
    expect(world.store.world().revocations).toMatchObject([
      { sessionId: sessionId(1), reason: 'tokens_renewed', upToGeneration: 0 },
    ])
    expect(world.session(2)?.endedAt).toBeUndefined()
  },
)

test('each change of the factors is an event', { tags: ['FACTOR-6'] }, async () => {
  const { caller } = await enrol(world)
  const renewed = await world.useCases.renewRecoveryCodes(caller)
  await world.useCases.removeTotp(await world.useCases.authenticate(renewed.tokens.accessToken))
  const changes = world.store.world().events.filter(({ type }) => type.startsWith('user.factor'))
  expect(changes.map(({ type, data }) => [type, data])).toEqual([
    ['user.factor_added', { factor: 'totp' }],
    ['user.factor_added', { factor: 'recovery_codes' }],
    ['user.factor_removed', { factor: 'totp' }],
  ])
})

describe('confirming', () => {
  test('a wrong code is refused at its field and counts, and the right one resets the count', async () => {
    const count = () => world.attempts.countOf(codesIn(sessionId(1)).key)
    await start()
    const before = world.store.world()
    for (const wrong of ['', '12345', '1234567', 'abcdef', '000000'])
      await expect(confirm(wrong)).rejects.toMatchObject(incorrect('code'))
    expect(world.store.world()).toEqual(before)
    expect(count()).toBe(5)
    await confirm()
    expect(count()).toBe(0)
  })

  test('after ten wrong codes the right one is refused', { tags: ['FACTOR-5'] }, async () => {
    await start()
    for (let guess = 0; guess < 10; guess += 1) await expect(confirm('000000')).rejects.toThrow()
    await expect(confirm()).rejects.toMatchObject({ code: 'too_many_attempts' })
  })

  test('the code that confirmed does not work again', { tags: ['FACTOR-2'] }, async () => {
    await start()
    const code = codeIn(world)
    await confirm(code)
    const { challenge } = await world.challenge()
    const again = world.useCases.completeSignIn({ challenge, code, ...from })
    await expect(again).rejects.toMatchObject({ code: 'invalid_code' })
  })
  const from = { userAgent: 'Mozilla/5.0', address: { text: '', network: '', widerNetworks: [] } }

  test('nothing is confirmed without a secret, after an hour, or twice', async () => {
    await expect(confirm()).rejects.toMatchObject({ code: 'factor_not_found' })
    await start()
    world.pass(3_600)
    await expect(confirm()).rejects.toMatchObject({ code: 'factor_not_found' })
    await start(await world.signInAsCaller())
    const { tokens } = await confirm()
    const again = confirm(codeIn(world), await world.useCases.authenticate(tokens.accessToken))
    await expect(again).rejects.toMatchObject({ code: 'factor_not_found' })
  })
})

test('a second authenticator is refused, and the first one stays', async () => {
  const { caller } = await enrol(world)
  await expect(start(caller)).rejects.toMatchObject({ code: 'factor_exists' })
  expect(await world.useCases.listFactors(caller)).toMatchObject({ recoveryCodesLeft: 10 })
})

test('new secrets and recovery codes are limited', async () => {
  for (let time = 0; time < 20; time += 1) await start()
  await expect(start()).rejects.toMatchObject({ code: 'too_many_attempts' })
})

test('new recovery codes replace the earlier ones', { tags: ['FACTOR-4'] }, async () => {
  const { caller, recoveryCodes: earlier } = await enrol(world)
  const { recoveryCodes } = await world.useCases.renewRecoveryCodes(caller)
  expect(recoveryCodes).toHaveLength(10)
  expect(world.store.world().recoveryCodes.get(anna.user.id)).toEqual(recoveryCodes)
  expect(recoveryCodes).not.toContain(earlier[0])
})

test('without a factor there are neither recovery codes nor anything to remove', async () => {
  for (const change of [world.useCases.renewRecoveryCodes, world.useCases.removeTotp])
    await expect(change(anna)).rejects.toMatchObject({ code: 'factor_not_found' })
})

test('a removed authenticator takes its recovery codes with it, and the password is enough', async () => {
  const { caller } = await enrol(world)
  const { tokens, recoveryCodes } = await world.useCases.removeTotp(caller)
  expect(recoveryCodes).toBeUndefined()
  expect(tokens.session.generation).toBe(2)
  expect(world.store.world().totp.size).toBe(0)
  expect(world.store.world().recoveryCodes.size).toBe(0)
  await world.signIn()
})

describe('a recent authentication with the factor', { tags: ['FACTOR-7'] }, () => {
  const needed = {
    code: 'reauthentication_required',
    details: { maxAgeSeconds: recentSeconds, factors: ['totp', 'recovery_code'] },
  }
  const changes: Record<string, (caller: Caller) => Promise<unknown>> = {
    'new recovery codes': (caller) => world.useCases.renewRecoveryCodes(caller),
    'the removal of the factor': (caller) => world.useCases.removeTotp(caller),
    'a new password': (caller) =>
      world.useCases.changePassword(caller, { currentPassword: password, newPassword: 'battery staple' }),
    'a new address': (caller) =>
      world.useCases.updateUser(caller, {
        username: undefined,
        email: 'new@example.org',
        currentPassword: password,
      }),
    'an export': (caller) => world.useCases.exportUser(caller),
    'ending other sessions': (caller) => world.useCases.endAllOwnSessions(caller, { keepCurrent: true }),
    'the deletion': (caller) => world.useCases.deleteUser(caller, { currentPassword: password }),
  }
  const reauthenticated = async (
    caller: Caller,
    proofs: Parameters<World['useCases']['reauthenticate']>[1],
  ) => world.useCases.authenticate((await world.useCases.reauthenticate(caller, proofs)).accessToken)

  test.each(Object.entries(changes))(
    '%s of a user with a factor needs a code, not only the password',
    async (_, change) => {
      const { caller, recoveryCodes } = await enrol(world)
      const withPassword = await reauthenticated(caller, { currentPassword: password })
      const before = world.store.world()
      await expect(change(withPassword)).rejects.toMatchObject(needed)
      expect(world.store.world()).toEqual(before)
      const [recoveryCode] = recoveryCodes
      const withRecoveryCode = await reauthenticated(withPassword, { recoveryCode })
      world.pass(recentSeconds + 1)
      await expect(change(withRecoveryCode)).rejects.toMatchObject(needed)
      await change(await reauthenticated(withRecoveryCode, { code: codeIn(world) }))
    },
  )

  test('a recovery code counts as the factor', async () => {
    const { caller, recoveryCodes } = await enrol(world)
    const withPassword = await reauthenticated(caller, { currentPassword: password })
    const [recoveryCode] = recoveryCodes
    await world.useCases.removeTotp(await reauthenticated(withPassword, { recoveryCode }))
  })

  test('a new password keeps the factor in the tokens, from the time when it was used', async () => {
    const { caller } = await enrol(world)
    world.pass(60)
    const changed = await world.useCases.changePassword(caller, {
      currentPassword: password,
      newPassword: 'battery staple',
    })
    expect(changed.session).toMatchObject({ amr: ['pwd', 'otp', 'mfa'], authTime: at(0) })
  })

  test('a factor that was added meanwhile refuses a change that needs none without it', async () => {
    const other = await world.signInAsCaller()
    await enrol(world)
    await expect(changes['a new address']?.(other)).rejects.toMatchObject({ code: 'unavailable' })
  })

  test('on the older routes a new address needs a session that used the factor', async () => {
    const { caller } = await enrol(world)
    const update = (given: Caller) =>
      world.useCases.updateUser(given, {
        username: undefined,
        email: 'new@example.org',
        currentPassword: password,
        cannotReauthenticate: true,
      })
    const withPassword = await reauthenticated(caller, { currentPassword: password })
    await expect(update(withPassword)).rejects.toMatchObject({
      details: { fields: [{ field: 'current_password', code: 'required' }] },
    })
    await update(await reauthenticated(withPassword, { code: codeIn(world) }))
  })
})

describe('an operator', () => {
  test(
    'an operator removes lost factors, and the password is enough again',
    { tags: ['FACTOR-8'] },
    async () => {
      const { caller } = await enrol(world)
      await world.useCases.removeFactors('service:ops', anna.user.id)
      expect(storedUser(world, anna.user)).toMatchObject({ factors: [], factorsVersion: 3 })
      const [event] = world.store.world().events.slice(-1)
      expect(event).toMatchObject({ type: 'user.factor_removed', data: { factor: 'totp' } })
      expect(world.store.world().actors.at(-1)).toBe('service:ops')
      expect(await world.useCases.listFactors(caller)).toEqual({
        totpAddedAt: undefined,
        recoveryCodesLeft: 0,
      })
      await world.signIn()
    },
  )

  test('without factors the removal changes nothing, and an unknown user is not found', async () => {
    await world.useCases.removeFactors('service:ops', anna.user.id)
    expect(world.eventTypes()).not.toContain('user.factor_removed')
    const unknown = world.useCases.removeFactors('service:ops', 999 as typeof anna.user.id)
    await expect(unknown).rejects.toMatchObject({ code: 'user_not_found' })
  })

  test('nobody removes their own factors as an operator', { tags: ['FACTOR-8'] }, async () => {
    const { caller } = await enrol(world)
    await world.useCases.setRoles('service:ops', anna.user.id, ['admin'])
    const own = world.useCases.removeFactors(`user:${caller.user.id}`, caller.user.id)
    await expect(own).rejects.toMatchObject({ code: 'insufficient_role' })
  })
})

test(
  'secrets of an earlier AUTH_SECRET are encrypted with the current one',
  { tags: ['FACTOR-1'] },
  async () => {
    await enrol(world)
    const secretOf = () => world.store.world().totp.get(anna.user.id)?.secret
    const current = secretOf()
    if (current === undefined) throw new Error('no secret')
    const earlier = current.replace('current0', 'earlier0') as typeof current
    await world.store.factors.reencrypt(anna.user.id, current, earlier)
    expect(await world.useCases.reencryptTotpSecrets(10)).toBe(1)
    expect(secretOf()).toBe(current)
    expect(await world.useCases.reencryptTotpSecrets(10)).toBe(0)
  },
)

test('a deletion removes secrets and recovery codes', async () => {
  const { caller } = await enrol(world)
  await world.useCases.deleteUser(caller, { currentPassword: password })
  expect([world.store.world().totp.size, world.store.world().recoveryCodes.size]).toEqual([0, 0])
  expect(storedUser(world, anna.user).factors).toEqual([])
})
