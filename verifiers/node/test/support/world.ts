import { onTestFinished } from 'vitest'
import { createVerifierAt } from '../../src/create-verifier.ts'
import { TokenRefused } from '../../src/token/token-refused.ts'
import type { Claims, RefusalCode } from '../../src/token-types.ts'
import type { Verifier, VerifierOptions } from '../../src/types.ts'
import { ManualClock, until } from './manual-clock.ts'
import { serviceKey, StandInService } from './stand-in-service.ts'
import { audience, claimsAt, issuer, signToken } from './tokens.ts'

/** The service's clock need not agree with anybody's. */
const SERVICE_EPOCH = Date.UTC(2026, 10, 23, 22, 5, 0)

export interface World {
  readonly clock: ManualClock
  readonly service: StandInService
  readonly verifier: Verifier
  readonly errors: Error[]
  /** A good token, but for the claims given. */
  readonly token: (given?: object) => string
  readonly claims: (given?: object) => Claims
  /** Time passes on both sides, second by second, with a heartbeat for each that arrives. */
  readonly live: (seconds: number) => Promise<void>
}

export interface WorldOptions extends Partial<VerifierOptions> {
  readonly clock?: ManualClock
  /** Changes the service before the verifier starts. */
  readonly prepare?: (service: StandInService) => void
  /** Left out: waits until the verifier is ready. */
  readonly isReady?: false
}

export async function startWorld(options: WorldOptions = {}): Promise<World> {
  const { clock = new ManualClock(), prepare, isReady = true, ...given } = options
  const service = await new StandInService(() => SERVICE_EPOCH + clock.monotonicMs()).start()
  onTestFinished(() => service.stop())
  prepare?.(service)
  const errors: Error[] = []
  const verifier = createVerifierAt(
    { url: service.url, serviceKey, issuer, audience, onError: (error) => errors.push(error), ...given },
    clock,
  )
  onTestFinished(() => verifier.close())
  if (isReady) {
    await verifier.ready()
    // The heartbeat behind the snapshot.
    await until(() => verifier.health().connected)
  }
  const claims = (changed?: object): Claims => claimsAt(service.now(), changed)
  return {
    clock,
    service,
    verifier,
    errors,
    claims,
    token: (changed) => {
      const [key] = service.keys
      if (key === undefined) throw new Error('The service has no key.')
      return signToken(key, claims(changed))
    },
    live: async (seconds) => {
      for (let second = 0; second < seconds; second += 1) {
        clock.pass(1_000)
        service.heartbeat()
        await until(() => verifier.health().stalenessMs < 1_000)
      }
    },
  }
}

/** The code something was refused with; undefined when it was not. Any other error fails the test. */
export async function refusalOf(attempt: Promise<unknown>): Promise<RefusalCode | undefined> {
  try {
    await attempt
    return undefined
  } catch (error) {
    if (error instanceof TokenRefused) return error.code
    throw error
  }
}
