// Clocks that are five minutes off: whose it may be, the service's time is what counts.
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { recordFault } from '../service/test/support/fault-report.ts'
import { startServiceProcess, type ServiceProcess } from '../service/test/support/service-process.ts'
import { migratedDatabase, startTestService } from '../service/test/support/test-service.ts'
import { createVerifierAt } from '../verifiers/node/src/create-verifier.ts'
import { systemClock } from '../verifiers/node/src/clock.ts'
import {
  ACCEPTED,
  connect,
  endedAs,
  verdictOnToken,
  optionsFor,
  signedIn,
  signOut,
  ReportedEnds,
  waitUntil,
} from './connected.ts'

const MINUTE_MS = 60_000

const offs = [
  { off: 'behind', byMs: -5 * MINUTE_MS },
  { off: 'ahead', byMs: 5 * MINUTE_MS },
]

test.each(offs)(
  "a verifier's clock that is five minutes $off makes no good token bad, and no bad one good",
  async ({ byMs }) => {
    const result = recordFault('clocks off by 5 minutes')
    // A minute is less than five: whoever asks the wrong clock is wrong about every token.
    const service = await startTestService('PostgreSQL', { ACCESS_TOKEN_TTL: '1m' })
    onTestFinished(() => service.stop())
    const wrongClock = { ...systemClock, wallMs: () => Date.now() + byMs }
    const verifier = createVerifierAt(optionsFor(service), wrongClock)
    onTestFinished(() => verifier.close())
    await verifier.ready()
    const told = new ReportedEnds(verifier)
    const [ending, living] = await Promise.all([signedIn(service), signedIn(service)])
    for (const { tokens } of [ending, living]) expect(await verdictOnToken(verifier, tokens)).toBe(ACCEPTED)
    await signOut(ending)
    await told.of(ending.tokens.session.id)
    expect(await verdictOnToken(verifier, ending.tokens)).toBe(endedAs('signed_out'))
    service.clock.advance({ minutes: 1 })
    await waitUntil(async () => (await verdictOnToken(verifier, living.tokens)) === 'expired')
    Object.assign(result, { rounds: 1, injected: 1, acknowledged: 1 })
  },
)

describe('a service elsewhere', () => {
  let place: Awaited<ReturnType<typeof migratedDatabase>>
  let service: ServiceProcess

  beforeAll(async () => {
    place = await migratedDatabase()
    service = await startServiceProcess(place.settings)
  })
  afterAll(async () => {
    await service.stop()
    await place.remove()
  })
  afterEach(() => vi.useRealTimers())

  test.each(offs)('counts for a process that is all five minutes $off', async ({ byMs }) => {
    const result = recordFault('clocks off by 5 minutes')
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + byMs })
    const verifier = await connect(service)
    const told = new ReportedEnds(verifier)
    const [ending, living] = await Promise.all([signedIn(service), signedIn(service)])
    const { iat } = await verifier.verify(ending.tokens.access_token)
    expect(Math.sign(Date.now() - iat * 1000)).toBe(Math.sign(byMs))
    await signOut(ending)
    await told.of(ending.tokens.session.id)
    expect(await verdictOnToken(verifier, ending.tokens)).toBe(endedAs('signed_out'))
    expect(await verdictOnToken(verifier, living.tokens)).toBe(ACCEPTED)
    Object.assign(result, { rounds: 1, injected: 1, acknowledged: 1 })
  })
})

describe('instances of the service whose clocks are ten minutes apart', () => {
  /** Code that a process runs first, which sets its wall clock wrong. */
  const withClockOff = (byMs: number) => ({
    NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(`
      const RealDate = Date
      globalThis.Date = class extends RealDate {
        constructor(...given) { if (given.length === 0) super(RealDate.now() + ${byMs}); else super(...given) }
        static now() { return RealDate.now() + ${byMs} }
      }`)}`,
  })

  test('issue and judge tokens by one time, and so do the verifiers of both', async () => {
    const result = recordFault('clocks off by 5 minutes')
    const place = await migratedDatabase()
    onTestFinished(place.remove)
    const settings = { ...place.settings, LOG_LEVEL: 'info' }
    const [behind, ahead] = await Promise.all([
      startServiceProcess({ ...settings, ...withClockOff(-5 * MINUTE_MS) }),
      startServiceProcess({ ...settings, ...withClockOff(5 * MINUTE_MS) }),
    ])
    onTestFinished(async () => {
      await Promise.all([behind.stop(), ahead.stop()])
    })
    const verifiers = await Promise.all([connect(behind), connect(ahead)])
    const told = verifiers.map((verifier) => new ReportedEnds(verifier))
    const people = await Promise.all([signedIn(behind), signedIn(ahead)])
    for (const verifier of verifiers) {
      for (const { tokens } of people) {
        const { iat } = await verifier.verify(tokens.access_token)
        // Far less than any of the clocks is off.
        expect(Math.abs(iat * 1000 - Date.now())).toBeLessThan(MINUTE_MS)
      }
    }
    const [early, late] = people
    const [first] = await Promise.all([
      ahead.client().delete('/v1/sessions/current', early.tokens.access_token),
      signOut({ ...late, client: behind.client() }),
    ])
    expect(first.status).toBe(204)
    for (const { tokens } of people) {
      await Promise.all(told.map((each) => each.of(tokens.session.id)))
      for (const verifier of verifiers)
        expect(await verdictOnToken(verifier, tokens)).toBe(endedAs('signed_out'))
    }
    Object.assign(result, { rounds: 1, injected: 1, acknowledged: 2 })
  })
})
