// A real process with a long revocation log. FAULT_REVOCATIONS changes its length.
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { queryOn } from '../service/test/support/database-query.ts'
import { RunningScript } from '../service/test/support/fixtures/running-script.ts'
import { MeasuredService, type Measured } from '../service/test/support/measured-service.ts'
import { migratedDatabase } from '../service/test/support/test-service.ts'
import { ACCEPTED, connect, heartbeat, RepeatedVerification, signedIn, waitUntil } from './connected.ts'

const REVOCATIONS = Number(process.env['FAULT_REVOCATIONS'] || 100_000)
const READERS = 200
/** Of CPU time, on the main thread without a pause. */
const BLOCK_LIMIT_MS = 50
const MEMORY_LIMIT = 200

let place: Awaited<ReturnType<typeof migratedDatabase>>
let query: ReturnType<typeof queryOn>
let measured: MeasuredService

beforeAll(async () => {
  place = await migratedDatabase()
  query = queryOn(place.url)
  await add(REVOCATIONS)
  measured = await MeasuredService.start(place.settings)
})

afterAll(async () => {
  await measured.stop()
  await place.remove()
})

/** Revocations of sessions that never were: it is their number that counts. */
const add = (count: number) =>
  query(
    `insert into revocations (session_id, user_id, reason, expires_at)
     select gen_random_uuid(), 1, 'signed_out', now() + interval '1 hour' from generate_series(1, $1::int)`,
    [count],
  )

/** A verifier that follows the service. If it is ever stale, `verdicts` has a refusal. */
async function follow() {
  const verifier = await connect(measured.service)
  const { tokens } = await signedIn(measured.service)
  const repeated = new RepeatedVerification(verifier, tokens)
  await repeated.until(ACCEPTED)
  return { verifier, verdicts: repeated.verdicts }
}

const isPaced = ({ blockMs }: Measured): boolean => blockMs <= BLOCK_LIMIT_MS
const isSmall = ({ megabytes }: Measured): boolean => megabytes < MEMORY_LIMIT

test(
  '200 new readers of 100,000 revocations block nothing and share its memory',
  { tags: ['FEED-4'] },
  async () => {
    const { verdicts } = await follow()
    const seen: string[] = []
    const least = await measured.least(
      () =>
        Promise.resolve(async () => {
          const { internalUrl, serviceKey } = measured.service
          const readers = new RunningScript('snapshot-readers.ts', internalUrl, serviceKey, String(READERS))
          onTestFinished(() => readers.kill())
          seen.push((await readers.line()) ?? '')
        }),
      (each) => isPaced(each) && isSmall(each),
    )
    const all = JSON.stringify({ fewest: REVOCATIONS, most: REVOCATIONS })
    expect(seen).toEqual(seen.map(() => all))
    expect(least.blockMs).toBeLessThanOrEqual(BLOCK_LIMIT_MS)
    expect(least.megabytes).toBeLessThan(MEMORY_LIMIT)
    expect(verdicts).toEqual([ACCEPTED])
  },
)

test(
  'a log set back by all of its rows is lost to no verifier and blocks nothing',
  { tags: ['FEED-4'] },
  async () => {
    const { verifier, verdicts } = await follow()
    let reconnects = 0
    const least = await measured.least(async () => {
      await add(1)
      await heartbeat(verifier)
      return async () => {
        reconnects += 1
        await query('with removed as (delete from revocations) update revocation_log set last_seq = 0')
        await waitUntil(() => verifier.health().feedReconnects >= reconnects)
        await heartbeat(verifier)
      }
    }, isPaced)
    expect(least.blockMs).toBeLessThanOrEqual(BLOCK_LIMIT_MS)
    const late = await connect(measured.service)
    expect(late.health().revokedCount).toBe(verifier.health().revokedCount)
    expect(late.health().revokedCount).toBeGreaterThanOrEqual(REVOCATIONS)
    expect(verdicts).toEqual([ACCEPTED])
  },
)

test('a burst of 100,000 ends blocks nothing and reaches a verifier', { tags: ['FEED-4'] }, async () => {
  const { verifier } = await follow()
  const least = await measured.least(
    () =>
      Promise.resolve(async () => {
        const wanted = verifier.health().revokedCount + REVOCATIONS
        await add(REVOCATIONS)
        await waitUntil(() => verifier.health().revokedCount === wanted)
      }),
    isPaced,
  )
  expect(least.blockMs).toBeLessThanOrEqual(BLOCK_LIMIT_MS)
})
