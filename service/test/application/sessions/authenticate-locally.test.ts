import { beforeEach, describe, expect, test } from 'vitest'
import type { Receipt } from '../../../src/application/ports/sessions.ts'
import { createRevocationFeed } from '../../../src/application/revocations/revocation-feed.ts'
import { aRevocation } from '../../contracts/revocation-log.contract.ts'
import { FakeRevocationLog } from '../../fakes/fake-revocation-log.ts'
import { sessionId } from '../../support/builders.ts'
import { aWorld, ttlSeconds, type World } from '../world.ts'

let world: World
let log: FakeRevocationLog
let feed: ReturnType<typeof createRevocationFeed>
let receipts: Receipt[]
let stalenessSeconds: number

beforeEach(async () => {
  log = new FakeRevocationLog()
  receipts = []
  stalenessSeconds = 0
  world = aWorld(({ clock }) => {
    feed = createRevocationFeed({ revocationLog: log, clock })
    return {
      feed,
      feedStalenessSeconds: () => stalenessSeconds,
      receipts: { add: (receipt) => receipts.push(receipt), flush: () => Promise.resolve(0) },
    }
  })
  await world.addUser('anna')
})

const check = (token?: string) => world.useCases.authenticateLocally(token)
const commit = (changes: Partial<ReturnType<typeof aRevocation>> = {}) => {
  log.commit({ ...aRevocation(1), sessionId: sessionId(1), ...changes })
  feed.wake()
}

describe('an access token checked against the copy of the log', () => {
  test('a valid token is accepted while the database is down', async () => {
    const { accessToken, session } = await world.signIn()
    await feed.catchUp()
    world.store.setDown(true)
    log.setDown(true)
    expect(await check(accessToken)).toMatchObject({
      userId: session.userId,
      sessionId: session.id,
      generation: 0,
      roles: [],
    })
  })

  test('a missing, foreign or expired token is refused', async () => {
    const { accessToken } = await world.signIn()
    await expect(check()).rejects.toMatchObject({ code: 'authentication_required' })
    await expect(check('anything')).rejects.toMatchObject({ code: 'invalid_access_token' })
    world.pass(ttlSeconds)
    await expect(check(accessToken)).rejects.toMatchObject({ code: 'invalid_access_token' })
  })

  test('the token of an ended session is refused by the first check after the commit', async () => {
    const { accessToken } = await world.signIn()
    await feed.catchUp()
    commit({ reason: 'signed_out' })
    await expect(check(accessToken)).rejects.toMatchObject({
      code: 'session_ended',
      details: { reason: 'signed_out' },
    })
    expect(receipts).toEqual([])
  })

  test('a token up to the cut-off is refused, and the next generation is accepted', async () => {
    const { accessToken } = await world.signIn()
    commit({ reason: 'roles_changed', upToGeneration: 0 })
    await expect(check(accessToken)).rejects.toMatchObject({ code: 'invalid_access_token' })
    const next = accessToken.replace(`${sessionId(1)} 0`, `${sessionId(1)} 1`)
    expect(await check(next)).toMatchObject({ generation: 1 })
  })

  test('a commit that could not be read yet makes the check unavailable', { tags: ['FEED-5'] }, async () => {
    const { accessToken } = await world.signIn()
    await feed.catchUp()
    log.setDown(true)
    commit()
    await expect(check(accessToken)).rejects.toThrow()
    log.setDown(false)
    await expect(check(accessToken)).rejects.toMatchObject({ code: 'session_ended' })
  })

  test('an old copy of the log makes the check unavailable', { tags: ['FEED-5'] }, async () => {
    const { accessToken } = await world.signIn()
    stalenessSeconds = 5
    await check(accessToken)
    stalenessSeconds = 5.1
    await expect(check(accessToken)).rejects.toMatchObject({ code: 'unavailable' })
  })

  test('a check notes one receipt for each generation', async () => {
    const { accessToken } = await world.signIn()
    const next = accessToken.replace(`${sessionId(1)} 0`, `${sessionId(1)} 1`)
    for (const token of [accessToken, accessToken, next, accessToken]) await check(token)
    expect(receipts.map(({ generation }) => generation)).toEqual([0, 1])
  })
})
