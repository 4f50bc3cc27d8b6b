import { createVerifierAt } from '../../src/create-verifier.ts'
import { TokenRefused } from '../../src/token/token-refused.ts'
import type { Verifier, VerifierOptions } from '../../src/types.ts'
import { ManualClock, until } from '../support/manual-clock.ts'
import { answer, serviceKey, StandInService } from '../support/stand-in-service.ts'

export interface KeyResponse {
  readonly status?: number
  /** JSON, unless there is a `body`. */
  readonly jwks?: unknown
  readonly body?: string
}

export interface VectorVerifier {
  readonly verifier: Verifier
  readonly stop: () => Promise<void>
}

/** A verifier whose time is `now`, after its first snapshot and its first response for the keys. */
export async function startVectorVerifier(
  now: number,
  { status = 200, jwks, body = JSON.stringify(jwks) }: KeyResponse,
  options: Partial<VerifierOptions>,
): Promise<VectorVerifier> {
  const service = await new StandInService(() => now).start()
  service.instead.set('/.well-known/jwks.json', (_, response) => response.writeHead(status).end(body))
  service.instead.set('/v1/receipts', (_, response) => answer(response, 204, {}))
  const errors: Error[] = []
  const verifier = createVerifierAt(
    { issuer: '', ...options, url: service.url, serviceKey, onError: (error) => errors.push(error) },
    new ManualClock(),
  )
  const hasKeys = () => errors.length > 0 || verifier.health().keyCount > 0
  await until(() => hasKeys() && verifier.health().stalenessMs === 0)
  return {
    verifier,
    stop: async () => {
      await verifier.close()
      await service.stop()
    },
  }
}

/** `accepted`, or the code of the refusal. Any other error fails the test. */
export async function resultOf(
  verified: Promise<unknown>,
): Promise<{ readonly result: string; readonly claims?: unknown }> {
  try {
    return { result: 'accepted', claims: await verified }
  } catch (error) {
    if (error instanceof TokenRefused) return { result: error.code }
    throw error
  }
}
