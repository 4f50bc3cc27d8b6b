// A network between verifier and service that fails, in every way networks do.
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { recordFault } from '../service/test/support/fault-report.ts'
import { startTestService, type TestService } from '../service/test/support/test-service.ts'
import type { Verifier } from '../verifiers/node/src/index.ts'
import {
  ACCEPTED,
  connectThroughProxy,
  endedAs,
  RepeatedVerification,
  verdictOnToken,
  maxStalenessMs,
  signedIn,
  signOut,
  ReportedEnds,
  waitUntil,
} from './connected.ts'

const SIGNED_OUT = endedAs('signed_out')

let service: TestService

beforeAll(async () => {
  service = await startTestService('PostgreSQL')
})
afterAll(() => service.stop())

/** Until it has tried so many more times to get through. */
async function attempts(verifier: Verifier, count: number): Promise<void> {
  const before = verifier.health().feedReconnects
  await waitUntil(() => verifier.health().feedReconnects >= before + count)
}

describe('a verifier that refuses when stale', () => {
  test.each(['cut', 'stall'] as const)(
    'a verifier behind a network %s accepts no ended session past its limit, and recovers',
    async (fault) => {
      const result = recordFault('cut between verifier and service')
      const { verifier, proxy } = await connectThroughProxy(service, { maxStalenessMs })
      const [ending, living] = await Promise.all([signedIn(service), signedIn(service)])
      expect(await verdictOnToken(verifier, living.tokens)).toBe(ACCEPTED)
      const insistence = new RepeatedVerification(verifier, ending.tokens)
      await insistence.until(ACCEPTED)

      const cutAt = performance.now()
      proxy[fault]()
      await signOut(ending)
      await insistence.until('stale')
      await attempts(verifier, 2)
      expect(insistence.lastAcceptedAt - cutAt).toBeLessThanOrEqual(maxStalenessMs)
      expect(await verdictOnToken(verifier, living.tokens)).toBe('stale')
      expect(verifier.health().fresh).toBe(false)

      proxy.heal()
      await insistence.until(SIGNED_OUT)
      await waitUntil(() => verifier.health().fresh)
      expect(await verdictOnToken(verifier, living.tokens)).toBe(ACCEPTED)
      Object.assign(result, { rounds: 1, injected: 1, acknowledged: 1 })
      expect(insistence.verdicts).toEqual([ACCEPTED, 'stale', SIGNED_OUT])
    },
  )

  test('is not fooled by a stream that comes later and later, though something comes all the time', async () => {
    const result = recordFault('cut between verifier and service')
    const { verifier, proxy } = await connectThroughProxy(service, { maxStalenessMs })
    const [ending, living] = await Promise.all([signedIn(service), signedIn(service)])
    const insistence = new RepeatedVerification(verifier, ending.tokens)
    await insistence.until(ACCEPTED)
    // No step is so long that silence alone would give the stream away.
    for (const delayMs of [450, 900, 1_350, 1_800, 2_250]) {
      await newsOrStale(verifier)
      proxy.delay(delayMs)
    }
    const delayedAt = performance.now()
    await signOut(ending)
    await insistence.until('stale')
    await attempts(verifier, 4)
    expect(insistence.lastAcceptedAt - delayedAt).toBeLessThanOrEqual(maxStalenessMs)
    expect(verifier.health().fresh).toBe(false)
    expect(await verdictOnToken(verifier, living.tokens)).toBe('stale')

    proxy.delay(0)
    await insistence.until(SIGNED_OUT)
    await waitUntil(() => verifier.health().fresh)
    expect(await verdictOnToken(verifier, living.tokens)).toBe(ACCEPTED)
    expect(insistence.lastAcceptedAt - delayedAt).toBeLessThanOrEqual(maxStalenessMs)
    Object.assign(result, { rounds: 1, injected: 1, acknowledged: 1 })
  })
})

describe('a verifier that accepts when stale', () => {
  test('a cut-off verifier refuses known ended sessions, and learns of others afterwards', async () => {
    const { verifier, proxy } = await connectThroughProxy(service, { whenStale: 'accept', maxStalenessMs })
    const [before, during, living] = await Promise.all([
      signedIn(service),
      signedIn(service),
      signedIn(service),
    ])
    const told = new ReportedEnds(verifier)
    await signOut(before)
    await told.of(before.tokens.session.id)

    proxy.cut()
    await signOut(during)
    await waitUntil(() => !verifier.health().fresh)
    expect(await verdictOnToken(verifier, before.tokens)).toBe(SIGNED_OUT)
    expect(await verdictOnToken(verifier, during.tokens)).toBe(ACCEPTED)
    expect(await verdictOnToken(verifier, living.tokens)).toBe(ACCEPTED)

    proxy.heal()
    await told.of(during.tokens.session.id)
    expect(await verdictOnToken(verifier, during.tokens)).toBe(SIGNED_OUT)
    expect(await verdictOnToken(verifier, living.tokens)).toBe(ACCEPTED)
  })
})

describe('a verifier that asks when stale', () => {
  test('with introspect, a stale verifier asks about each token and refuses all if nobody responds', async () => {
    const own = await startTestService('PostgreSQL')
    onTestFinished(() => own.stop())
    const { verifier, proxy } = await connectThroughProxy(own, { whenStale: 'introspect', maxStalenessMs })
    const [before, during, living] = await Promise.all([signedIn(own), signedIn(own), signedIn(own)])
    const told = new ReportedEnds(verifier)
    await signOut(before)
    await told.of(before.tokens.session.id)

    // All streams end, and those that come; everything else goes on.
    own.service.stream.close()
    await waitUntil(() => !verifier.health().fresh)
    await signOut(during)
    expect(await verdictOnToken(verifier, before.tokens)).toBe(SIGNED_OUT)
    expect(await verdictOnToken(verifier, during.tokens)).toBe('session_ended')
    expect(await verdictOnToken(verifier, living.tokens)).toBe(ACCEPTED)

    proxy.cut()
    expect(await verdictOnToken(verifier, before.tokens)).toBe(SIGNED_OUT)
    expect(await verdictOnToken(verifier, living.tokens)).toBe('unavailable')
    proxy.heal()
    expect(await verdictOnToken(verifier, living.tokens)).toBe(ACCEPTED)
    expect(told.ends).toHaveLength(1)
  })

  test('does not ask while it is fresh', async () => {
    const options = { whenStale: 'introspect', maxStalenessMs: 60_000 } as const
    const { verifier, proxy } = await connectThroughProxy(service, options)
    const { tokens } = await signedIn(service)
    proxy.stall()
    expect(await verdictOnToken(verifier, tokens)).toBe(ACCEPTED)
    proxy.heal()
  })
})

async function newsOrStale(verifier: Verifier): Promise<void> {
  let previous = 0
  await waitUntil(() => {
    const { stalenessMs, fresh } = verifier.health()
    const isYounger = stalenessMs < previous
    previous = stalenessMs
    return isYounger || !fresh
  })
}
