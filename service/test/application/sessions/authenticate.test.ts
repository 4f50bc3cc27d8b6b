import { beforeEach, describe, expect, test } from 'vitest'
import type { Receipt } from '../../../src/application/ports/sessions.ts'
import { at, sessionId } from '../../support/builders.ts'
import { aWorld, home, ttlSeconds, type World } from '../world.ts'

let world: World
let receipts: Receipt[]

beforeEach(async () => {
  receipts = []
  world = aWorld(() => ({
    receipts: { add: (receipt) => receipts.push(receipt), flush: () => Promise.resolve(0) },
  }))
  await world.addUser('anna')
})

const authenticate = (token: string) => world.useCases.authenticate(token)
const refreshSession = (refreshToken: string) =>
  world.useCases.refreshSession({ refreshToken, address: home, userAgent: 'Mozilla/5.0' })

describe('an access token', () => {
  test('authenticating an access token returns the current user and session', async () => {
    const { accessToken, session } = await world.signIn()
    await refreshSession(`refresh 1 ${session.id} 0`)
    const caller = await authenticate(accessToken)
    expect(caller).toMatchObject({
      user: world.store.world().users.get(session.userId),
      session: world.session(1),
      token: { generation: 0, issuedAt: at(0), expiresAt: at(ttlSeconds) },
    })
    expect(caller.session.generation).toBe(1)
  })

  test('a foreign access token is refused without reading the store', async () => {
    world.store.setDown(true)
    await expect(authenticate('anything')).rejects.toMatchObject({ code: 'invalid_access_token' })
  })

  test('an expired access token is refused', async () => {
    const { accessToken } = await world.signIn()
    world.pass(ttlSeconds)
    await expect(authenticate(accessToken)).rejects.toMatchObject({ code: 'invalid_access_token' })
  })

  test('an access token of an unknown session is refused', async () => {
    const { accessToken } = await world.signIn()
    const other = accessToken.replace(sessionId(1), sessionId(2))
    await expect(authenticate(other)).rejects.toMatchObject({ code: 'invalid_access_token' })
  })

  test('an access token of an ended session is refused immediately, with the reason', async () => {
    const { accessToken } = await world.signIn()
    await world.useCases.endUserSessions('service:ops', (await authenticate(accessToken)).user.id)
    const refused = { code: 'session_ended', details: { reason: 'terminated_by_admin' } }
    await expect(authenticate(accessToken)).rejects.toMatchObject(refused)
  })

  test('an access token of a session that ran out but is not marked is refused as expired', async () => {
    world = aWorld(() => ({ sessionLimits: { idleSeconds: 60, absoluteSeconds: 60 } }))
    await world.addUser('anna')
    const { session } = await world.signIn()
    world.pass(60)
    const longerThanItsSession = `access 1 ${session.id} 0 - 0 ${+at(999)}`
    const refused = { code: 'session_ended', details: { reason: 'expired' } }
    await expect(authenticate(longerThanItsSession)).rejects.toMatchObject(refused)
  })

  test('authenticating while the store is down is unavailable, not a refusal', async () => {
    const { accessToken } = await world.signIn()
    world.store.setDown(true)
    await expect(authenticate(accessToken)).rejects.toMatchObject({ code: 'unavailable' })
  })
})

describe('a receipt', () => {
  test('a receipt is noted until the generation of the access token is confirmed', async () => {
    const { refreshToken } = await world.signIn()
    const { accessToken } = await refreshSession(refreshToken)
    world.pass(5)
    await authenticate(accessToken)
    expect(receipts).toEqual([{ userId: 1, sessionId: sessionId(1), generation: 1, seenAt: at(5) }])
    await world.store.sessions.confirm(receipts)
    await authenticate(accessToken)
    expect(receipts).toHaveLength(1)
  })

  test('no receipt is noted for the first generation or one before the confirmed one', async () => {
    const { accessToken, refreshToken } = await world.signIn()
    await authenticate(accessToken)
    const next = await refreshSession(refreshToken)
    await authenticate(next.accessToken)
    await world.store.sessions.confirm(receipts)
    await authenticate(accessToken)
    expect(receipts).toHaveLength(1)
  })

  test('no receipt is noted for a refused access token', async () => {
    const { refreshToken } = await world.signIn()
    const { accessToken, session } = await refreshSession(refreshToken)
    await world.useCases.endUserSessions('service:ops', session.userId)
    await expect(authenticate(accessToken)).rejects.toThrow()
    expect(receipts).toEqual([])
  })
})
