import { expect } from 'vitest'
import type { Health } from '../../src/types.ts'
import { serviceKey } from '../support/stand-in-service.ts'
import type { TranscriptService } from './transcript-service.ts'
import type { Step } from './transcript-steps.ts'

/** The state of the verifier, as the application can see it. */
interface Seen {
  readonly health: Health
  readonly ready: string
  readonly ended: readonly unknown[]
  readonly closed: unknown
}

/** Compares steps with everything that can be seen. */
export class TranscriptChecks {
  readonly #service: TranscriptService
  #requests = 0

  constructor(service: TranscriptService) {
    this.#service = service
  }

  check(step: Step, { health, ready, ended, closed }: Seen): void {
    const service = this.#service
    const seen: Step = {
      at: step.at,
      request: {
        last_event_id: (service.feedRequests.at(-1)?.headers['last-event-id'] ?? null) as string | null,
      },
      requests: service.feedRequests.length,
      connection: service.isFeedOpen ? 'open' : 'closed',
      ready: ready as 'ready',
      session_ended: ended,
      key_fetches: service.keyFetches,
      receipts: service.receipts,
      closed,
    }
    for (const name of Object.keys(seen) as (keyof Step)[]) {
      if (name in step)
        expect({ at: step.at, [name]: seen[name] }).toEqual({ at: step.at, [name]: step[name] })
    }
    if (step.health !== undefined)
      expect({ at: step.at, ...named(health) }).toMatchObject({ at: step.at, ...step.health })
    if (step.request !== undefined) this.#checkRequest(step)
  }

  /** Each request is in the transcript, and no other. */
  #checkRequest({ at }: Step): void {
    this.#requests += 1
    expect({ at, requests: this.#service.feedRequests.length }).toEqual({ at, requests: this.#requests })
    const { authorization, prefer, accept } = this.#service.feedRequests.at(-1)?.headers ?? {}
    expect({ authorization, prefer, accept }).toEqual({
      authorization: `Bearer ${serviceKey}`,
      prefer: 'snapshot=parts',
      accept: 'text/event-stream',
    })
  }
}

/** The names of the vectors. */
const named = ({ fresh, stalenessMs, connected, revokedCount, outdatedCount }: Health) => ({
  fresh,
  staleness_ms: stalenessMs,
  connected,
  revoked: revokedCount,
  outdated: outdatedCount,
})
