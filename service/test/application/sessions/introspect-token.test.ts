import { beforeEach, describe, expect, test } from 'vitest'
import type { Receipt } from '../../../src/application/ports/sessions.ts'
import { END_REASONS } from '../../../src/domain/session.ts'
import type { UseCaseDeps } from '../../../src/application/use-cases.ts'
import { at, sessionId } from '../../support/builders.ts'
import { aWorld, home, limits, ttlSeconds, type World } from '../world.ts'

let world: World
let receipts: Receipt[]
let accessToken: string

const anna = async (replace: Partial<UseCaseDeps> = {}): Promise<void> => {
  receipts = []
  const noting = { add: (receipt: Receipt) => receipts.push(receipt), flush: () => Promise.resolve(0) }
  world = aWorld(() => ({ receipts: noting, ...replace }))
  await world.addUser('anna', { roles: ['moderator'] })
  accessToken = (await world.signIn()).accessToken
}
beforeEach(() => anna())

const introspect = (token: string) => world.useCases.introspectToken(token)
const refreshToken = (generation: number, user = 1, session = 1) =>
  `refresh ${user} ${sessionId(session)} ${generation}`
const refresh = (generation: number) =>
  world.useCases.refreshSession({
    refreshToken: refreshToken(generation),
    address: home,
    userAgent: 'Mozilla/5.0',
  })
const user = () => [...world.store.world().users.values()][0]
const end = (reason: (typeof END_REASONS)[number]) =>
  world.store.transactions.transaction('system', async (tx) => {
    const session = world.session(1)
    if (session !== undefined)
      await tx.sessions.saveEnded([{ ...session, endedAt: at(0), endReason: reason }])
  })

describe('an access token', () => {
  test('introspecting an access token returns its current user, session and claims', async () => {
    world.pass(5)
    await refresh(0)
    expect(await introspect(accessToken)).toEqual({
      kind: 'access',
      caller: {
        user: user(),
        session: world.session(1),
        token: expect.objectContaining({
          generation: 0,
          issuedAt: at(0),
          expiresAt: at(ttlSeconds),
        }) as unknown,
      },
    })
  })

  test('introspecting an access token counts as a use of its generation', async () => {
    const next = await refresh(0)
    world.pass(5)
    await introspect(next.accessToken)
    expect(receipts).toEqual([{ userId: 1, sessionId: sessionId(1), generation: 1, seenAt: at(5) }])
  })

  test('an access token is not active once it has expired', async () => {
    world.pass(ttlSeconds - 0.001)
    expect(await introspect(accessToken)).toBeDefined()
    world.pass(0.001)
    expect(await introspect(accessToken)).toBeUndefined()
  })

  test.each(END_REASONS)('an access token is not active once its session has ended as %s', async (reason) => {
    await end(reason)
    expect(await introspect(accessToken)).toBeUndefined()
    expect(receipts).toEqual([])
  })

  test('an access token of an unknown session is not active', async () => {
    expect(await introspect(accessToken.replace(sessionId(1), sessionId(2)))).toBeUndefined()
  })
})

describe('a refresh token', () => {
  test('introspecting a refresh token returns its user, session and expiry', async () => {
    world.pass(60)
    await refresh(0)
    expect(await introspect(refreshToken(1))).toEqual({
      kind: 'refresh',
      user: user(),
      session: world.session(1),
      generation: 1,
      expiresAt: at(60 + limits.idleSeconds),
    })
  })

  test('introspecting a refresh token neither spends it nor counts as a use', async () => {
    await refresh(0)
    const before = world.store.world()
    for (let time = 0; time < 3; time += 1) expect(await introspect(refreshToken(1))).toBeDefined()
    expect(world.store.world()).toEqual(before)
    expect(receipts).toEqual([])
    expect(await refresh(1)).toMatchObject({ refreshToken: refreshToken(2) })
  })

  test('a refresh token that may still repeat its pair is active, with its own generation', async () => {
    await refresh(0)
    world.pass(9999)
    expect(await introspect(refreshToken(0))).toMatchObject({ kind: 'refresh', generation: 0 })
  })

  test('a spent refresh token is not active, and introspecting it ends no session', async () => {
    await refresh(0)
    await refresh(1)
    world.pass(60)
    const before = world.store.world()
    expect(await introspect(refreshToken(0))).toBeUndefined()
    expect(world.store.world()).toEqual(before)
    await refresh(2)
  })

  test('introspection applies the configured reuse policy to a refresh token', async () => {
    await anna({ reusePolicy: { windowSeconds: 30, lostResponse: 'window' } })
    await refresh(0)
    world.pass(30)
    expect(await introspect(refreshToken(0))).toBeDefined()
    world.pass(0.001)
    expect(await introspect(refreshToken(0))).toBeUndefined()
  })

  test.each(END_REASONS)('a refresh token is not active once its session has ended as %s', async (reason) => {
    await refresh(0)
    await end(reason)
    for (const generation of [0, 1]) expect(await introspect(refreshToken(generation))).toBeUndefined()
  })

  test('a refresh token is not active once its session has run out', async () => {
    world.pass(limits.idleSeconds - 0.001)
    expect(await introspect(refreshToken(0))).toBeDefined()
    world.pass(0.001)
    expect(await introspect(refreshToken(0))).toBeUndefined()
  })

  test('a refresh token that is newer than its session is active, since a refresh accepts it', async () => {
    const before = world.store.world()
    expect(await introspect(refreshToken(1))).toMatchObject({ kind: 'refresh', generation: 1 })
    expect(world.store.world()).toEqual(before)
  })

  test.each([
    ['of an unknown session', refreshToken(0, 1, 2)],
    ['of another user', refreshToken(0, 2, 1)],
  ])('a refresh token %s is not active', async (_, token) => {
    expect(await introspect(token)).toBeUndefined()
  })
})

test('any other string is not active and is not looked up in the store', async () => {
  const { ticket } = await world.useCases.createTicket(
    await world.useCases.authenticate(accessToken),
    undefined,
  )
  world.store.setDown(true)
  for (const token of ['', 'anything', ticket]) expect(await introspect(token)).toBeUndefined()
  world.store.setDown(false)
  expect(await world.useCases.redeemTicket(ticket, undefined)).toBeDefined()
})

test('introspection while the store is down is unavailable, not inactive', async () => {
  world.store.setDown(true)
  for (const token of [accessToken, refreshToken(0)])
    await expect(introspect(token)).rejects.toMatchObject({ code: 'unavailable' })
})
