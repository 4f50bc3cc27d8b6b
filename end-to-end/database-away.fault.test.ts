// The service responds, but cannot read its revocation log.
import { expect, onTestFinished, test } from 'vitest'
import { recordFault } from '../service/test/support/fault-report.ts'
import { migratedDatabase, startOn } from '../service/test/support/test-service.ts'
import {
  ACCEPTED,
  connect,
  endedAs,
  RepeatedVerification,
  verdictOnToken,
  maxStalenessMs,
  proxyTo,
  signedIn,
  signOut,
  waitUntil,
} from './connected.ts'

const SIGNED_OUT = endedAs('signed_out')

test.each(['cut', 'stall'] as const)(
  'a verifier of an instance that lost its database by a %s goes stale and recovers by itself',
  async (fault) => {
    const result = recordFault('cut between one instance and the database')
    const place = await migratedDatabase()
    onTestFinished(place.remove)
    const proxy = await proxyTo(place.url)
    const through = new URL(place.url)
    through.host = `127.0.0.1:${proxy.port}`
    const nothing = { remove: () => Promise.resolve() }
    const cutOff = await startOn({ settings: { ...place.settings, DATABASE_URL: through.href }, ...nothing })
    onTestFinished(() => cutOff.stop())
    const healthy = await startOn({ settings: place.settings, ...nothing })
    onTestFinished(() => healthy.stop())
    const verifier = await connect(cutOff, { maxStalenessMs })
    const [ending, living, later] = await Promise.all([signedIn(healthy), signedIn(cutOff), signedIn(cutOff)])
    const insistence = new RepeatedVerification(verifier, ending.tokens)
    await insistence.until(ACCEPTED)

    const cutAt = performance.now()
    proxy[fault]()
    // The instance cannot know of this; all it can do is keep silent.
    await signOut(ending)
    await insistence.until('stale')
    expect(insistence.lastAcceptedAt - cutAt).toBeLessThanOrEqual(maxStalenessMs)
    expect(await verdictOnToken(verifier, living.tokens)).toBe('stale')
    const { status } = await later.client.delete('/v1/sessions/current', later.tokens.access_token)
    expect(status).toBe(503)

    proxy.heal()
    await insistence.until(SIGNED_OUT)
    await waitUntil(() => verifier.health().fresh)
    expect(await verdictOnToken(verifier, living.tokens)).toBe(ACCEPTED)
    await signOut(living)
    await waitUntil(async () => (await verdictOnToken(verifier, living.tokens)) === SIGNED_OUT)
    Object.assign(result, { rounds: 1, injected: 1, acknowledged: 2 })
    expect(insistence.verdicts).toEqual([ACCEPTED, 'stale', SIGNED_OUT])
  },
)
