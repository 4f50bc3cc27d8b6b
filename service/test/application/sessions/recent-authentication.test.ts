// Changes that a stolen access token must not make need a recent authentication (RFC 9470).
import { beforeEach, describe, expect, test } from 'vitest'
import type { Caller } from '../../../src/application/sessions/caller.ts'
import { sessionId } from '../../support/builders.ts'
import { aWorld, home, password, recentSeconds, type World } from '../world.ts'

let world: World
let tokens: { accessToken: string; refreshToken: string }

/** Anna has sessions 1 and 2, and her requests come from the first. */
beforeEach(async () => {
  world = aWorld()
  await world.addUser('anna')
  tokens = await world.signIn()
  await world.signIn()
})

const caller = () => world.useCases.authenticate(tokens.accessToken)
const refresh = async () => {
  tokens = await world.useCases.refreshSession({
    refreshToken: tokens.refreshToken,
    address: home,
    userAgent: 'Mozilla/5.0',
  })
}
const update = async (changes: { username?: string; email?: string; currentPassword?: string }) =>
  world.useCases.updateUser(await caller(), {
    username: undefined,
    email: undefined,
    currentPassword: undefined,
    ...changes,
  })

const guarded: Record<string, () => Promise<unknown>> = {
  'a change of the name': () => update({ username: 'berta' }),
  'a change of the address': () => update({ email: 'new@example.org' }),
  'ending another session': async () => world.useCases.endOwnSession(await caller(), sessionId(2)),
  'ending all other sessions': async () =>
    world.useCases.endAllOwnSessions(await caller(), { keepCurrent: true }),
  'ending all sessions': async () => world.useCases.endAllOwnSessions(await caller(), { keepCurrent: false }),
  'an export': async () => world.useCases.exportUser(await caller()),
}

describe.each(Object.entries(guarded))('%s', (name, act) => {
  test(
    `${name} is refused when the password was entered too long ago`,
    { tags: ['SESSION-21'] },
    async () => {
      world.pass(recentSeconds + 1)
      await refresh()
      await caller()
      const before = world.store.world()
      await expect(act()).rejects.toMatchObject({
        code: 'reauthentication_required',
        details: { maxAgeSeconds: recentSeconds },
      })
      expect(world.store.world()).toEqual(before)
    },
  )

  test(`${name} is allowed until the last second after the sign-in`, async () => {
    world.pass(recentSeconds)
    await refresh()
    await act()
  })

  test(`${name} is allowed after the password was entered again`, { tags: ['SESSION-21'] }, async () => {
    world.pass(100_000)
    await refresh()
    tokens = await world.useCases.reauthenticate(await caller(), { currentPassword: password })
    world.pass(recentSeconds)
    await refresh()
    await act()
  })
})

describe('without a recent authentication', () => {
  let old: Caller
  beforeEach(async () => {
    world.pass(100_000)
    await refresh()
    old = await caller()
  })

  test('the current password allows a change of name and address', async () => {
    const changes = { username: 'berta', email: 'new@example.org' }
    await expect(update({ ...changes, currentPassword: 'wrong' })).rejects.toMatchObject({
      details: { fields: [{ field: 'current_password', code: 'incorrect' }] },
    })
    expect(await update({ ...changes, currentPassword: password })).toMatchObject({
      username: { text: 'berta' },
      email: { text: 'new@example.org' },
    })
  })

  test('a user may still sign out on this device', async () => {
    await world.useCases.endOwnSession(old, sessionId(1))
    expect(world.session(1)?.endReason).toBe('signed_out')
  })

  test('an unknown session is not told from another own one', async () => {
    for (const id of [sessionId(2), sessionId(9)])
      await expect(world.useCases.endOwnSession(old, id)).rejects.toMatchObject({
        code: 'reauthentication_required',
      })
  })

  test('a client that cannot reauthenticate renames and ends all sessions', async () => {
    const rename = { username: 'berta', email: undefined, currentPassword: undefined }
    await world.useCases.updateUser(old, { ...rename, cannotReauthenticate: true })
    await world.useCases.endAllOwnSessions(old, { keepCurrent: false, cannotReauthenticate: true })
    expect([1, 2].map((number) => world.session(number)?.endReason)).toEqual(['signed_out', 'terminated'])
  })
})
