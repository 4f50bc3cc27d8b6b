// Who may sign up: REGISTRATION.
import { describe, expect, test } from 'vitest'
import { registrationsFrom } from '../../../src/application/attempt-budgets.ts'
import type { Registration } from '../../../src/application/users/register-user.ts'
import { at, DAY } from '../../support/builders.ts'
import { aWorld, home, password, type World } from '../world.ts'

const worldWith = (registration: Registration) => aWorld(() => ({ registration }))

const register = ({ useCases }: World, invitation?: string, changes: object = {}) =>
  useCases.registerUser({
    username: 'Anna',
    email: 'anna@example.org',
    password,
    invitation,
    address: home,
    purchase: undefined,
    ...changes,
  })
const attempts = (world: World) => world.attempts.countOf(registrationsFrom(home, 20)[0]?.key ?? '')
const invite = ({ useCases }: World, uses = 1) =>
  useCases.createInvitation('service:ops', { uses, expiresAt: undefined, note: undefined })

describe('closed', () => {
  test('closed registration refuses everybody before any work, and costs no attempt', async () => {
    const world = worldWith('closed')
    await expect(register(world)).rejects.toMatchObject({ code: 'registration_closed' })
    await expect(register(world, undefined, { username: 'a b' })).rejects.toMatchObject({
      code: 'registration_closed',
    })
    expect([attempts(world), world.store.world().users.size]).toEqual([0, 0])
  })
})

describe('open', () => {
  test('open registration ignores an invitation', async () => {
    const world = worldWith('open')
    await register(world, 'nonsense')
    expect(world.store.world().events[0]?.data).toEqual({ username: 'Anna' })
  })
})

describe('invite', () => {
  test('an invitation lets one user sign up, and the event names it', async () => {
    const world = worldWith('invite')
    const { token, invitation } = await invite(world)
    await register(world, token)
    expect(world.store.world().events[0]?.data).toEqual({ username: 'Anna', invitation_id: invitation.id })
    const again = register(world, token, { username: 'berta', email: 'b@example.org' })
    await expect(again).rejects.toMatchObject({ code: 'invalid_invitation' })
  })

  test.each(['missing', 'wrong', 'used up', 'expired', 'revoked'])(
    'a sign-up with an invitation that is %s is refused alike, costs an attempt and hashes nothing',
    async (kind) => {
      let hashed = 0
      const world = aWorld(({ passwords }) => ({
        registration: 'invite',
        passwords: {
          ...passwords,
          requireCapacity: (share) => passwords.requireCapacity(share),
          verify: (...given) => passwords.verify(...given),
          hash: (...given) => {
            hashed += 1
            return passwords.hash(...given)
          },
        },
      }))
      const { token, invitation } = await invite(world)
      if (kind === 'used up') await register(world, token, { username: 'berta', email: 'b@example.org' })
      if (kind === 'expired') world.pass(7 * DAY)
      if (kind === 'revoked') await world.useCases.revokeInvitation('service:ops', invitation.id)
      const before = [hashed, attempts(world)] as const
      const sent = kind === 'missing' ? undefined : kind === 'wrong' ? 'nonsense' : token
      const refusal: unknown = await register(world, sent).catch((error: unknown) => error)
      expect(refusal).toMatchObject({ code: 'invalid_invitation', details: {} })
      expect([hashed, attempts(world)]).toEqual([before[0], kind === 'expired' ? 1 : before[1] + 1])
    },
  )

  test('guesses at invitations are limited', async () => {
    const world = worldWith('invite')
    for (let n = 0; n < 20; n += 1)
      await expect(register(world, `guess ${n}`)).rejects.toMatchObject({ code: 'invalid_invitation' })
    const { token } = await invite(world)
    await expect(register(world, token)).rejects.toMatchObject({ code: 'too_many_attempts' })
  })

  test('a refused sign-up does not use up the invitation', async () => {
    const world = worldWith('invite')
    const { token } = await invite(world, 2)
    await register(world, token)
    const taken = register(world, token, { email: 'other@example.org' })
    await expect(taken).rejects.toMatchObject({ code: 'username_taken' })
    const weak = register(world, token, { username: 'berta', password: 'password123' })
    await expect(weak).rejects.toMatchObject({ code: 'validation_failed' })
    const { items } = await world.useCases.listInvitations(undefined, 10)
    expect(items).toMatchObject([{ uses: 2, usesLeft: 1 }])
  })

  test('an invitation that is used up while the password is hashed is refused, and no user is added', async () => {
    const world = aWorld(({ invitations }) => ({
      registration: 'invite',
      invitations: { ...invitations, isValid: () => Promise.resolve(true) },
    }))
    await expect(register(world, 'nonsense')).rejects.toMatchObject({ code: 'invalid_invitation' })
    expect(world.store.world().users.size).toBe(0)
  })
})

test('an invitation expires in the future, within ten years, by default in a week', async () => {
  const world = aWorld()
  const create = (expiresAt: Date | undefined) =>
    world.useCases.createInvitation('service:ops', { uses: 1, expiresAt, note: undefined })
  expect((await create(undefined)).invitation.expiresAt).toEqual(at(7 * DAY))
  for (const wrong of [at(0), at(-1), at(3_651 * DAY), new Date(NaN)])
    await expect(create(wrong)).rejects.toMatchObject({
      code: 'validation_failed',
      details: { fields: [{ field: 'expires_at', code: 'out_of_range' }] },
    })
  expect((await create(at(3_650 * DAY))).invitation.expiresAt).toEqual(at(3_650 * DAY))
})
