// Services that hold so many ended sessions, in a process of their own: their memory and work are not the verifier's.
import { randomUUID } from 'node:crypto'
import { StandInService } from '../../../verifiers/node/test/support/stand-in-service.ts'
import { serveParent } from '../child.ts'

const HEARTBEAT_MS = 1_000
const AN_HOUR_MS = 3_600_000

interface Wanted {
  readonly revoked: number
  /** Public keys as published. */
  readonly jwks: readonly Record<string, unknown>[]
}

const handlers = {
  /** Returns the address it listens on. */
  open: async ({ revoked, jwks }: Wanted): Promise<string> => {
    const service = await new StandInService(() => Date.now()).start()
    // Of a signing key, only what is published is asked for here.
    service.keys = jwks.map((jwk) => ({ ...service.keys[0], jwk })) as typeof service.keys
    for (let index = 0; index < revoked; index += 1) service.revoke(randomUUID(), { forMs: AN_HOUR_MS })
    setInterval(() => {
      service.heartbeat()
      // It notes every request for tests to look at.
      service.heard.length = 0
    }, HEARTBEAT_MS)
    return service.url
  },
}

export type StandIn = typeof handlers

serveParent(handlers)
