import { expect } from 'vitest'
import { createVerifierAt } from '../../src/create-verifier.ts'
import { TokenRefused } from '../../src/token/token-refused.ts'
import type { GuardedSocket, SocketGuard } from '../../src/socket-types.ts'
import type { Claims } from '../../src/token-types.ts'
import type { Verifier, WhenStale } from '../../src/types.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { serviceKey } from '../support/stand-in-service.ts'
import { TranscriptService } from './transcript-service.ts'

interface Settings {
  readonly max_staleness_ms: number
  readonly when_stale: WhenStale
  readonly wall_clock: number
}

interface Step {
  readonly at: number
  readonly request?: { readonly last_event_id: string | null }
  readonly response?: {
    readonly status: number
    readonly content_type: string
    readonly content_encoding?: string
    readonly body?: unknown
  }
  readonly bytes?: string
  readonly base64?: string
  readonly end?: 'orderly' | 'cut'
  readonly connection?: 'open' | 'closed'
  readonly requests?: number
  readonly ready?: 'waiting' | 'ready' | 'failed'
  readonly verify?: string
  readonly result?: string
  readonly reason?: string | null
  readonly roles?: readonly string[]
  readonly max_age?: number
  readonly amr?: readonly string[]
  readonly introspection?: { readonly status: number; readonly body: unknown }
  readonly health?: Readonly<Record<string, unknown>>
  readonly session_ended?: unknown
  readonly jwks?: unknown
  readonly key_fetches?: number
  readonly receipts?: unknown
  readonly receipts_status?: number
  readonly redeem?: { readonly ticket: string; readonly origin?: string }
  readonly claims?: unknown
  readonly hold?: string
  readonly renew?: string
  readonly token?: string
  readonly closed?: unknown
}

export interface Transcript extends Partial<Settings> {
  readonly name: string
  readonly steps: readonly Step[]
}

export interface TranscriptVectors extends Settings {
  readonly issuer: string
  readonly audience: string
  readonly jwks: unknown
  readonly tokens: Readonly<Record<string, string>>
  readonly transcripts: readonly Transcript[]
}

/** Plays a transcript against a new verifier. */
export async function play(vectors: TranscriptVectors, transcript: Transcript): Promise<void> {
  const service = new TranscriptService(vectors.jwks)
  await service.start()
  const player = new Player(service, vectors, { ...vectors, ...transcript })
  try {
    for (const step of transcript.steps) await player.play(step)
  } finally {
    await player.verifier.close()
    await service.stop()
  }
}

class Player {
  readonly verifier: Verifier
  readonly #service: TranscriptService
  readonly #tokens: TranscriptVectors['tokens']
  readonly #clock = new ManualClock()
  readonly #guard: SocketGuard
  readonly #sockets = new Map<string, GuardedSocket>()
  readonly #closed: Record<string, readonly [number, string]> = {}
  readonly #ended: unknown[] = []
  #now = 0
  #ready = 'waiting'

  constructor(
    service: TranscriptService,
    { issuer, audience, tokens }: TranscriptVectors,
    settings: Settings,
  ) {
    this.#service = service
    this.#tokens = tokens
    // Delays take their whole time.
    this.#clock.chance = 1
    this.#clock.wallOffsetMs = settings.wall_clock - this.#clock.monotonicMs()
    this.verifier = createVerifierAt(
      {
        url: service.url,
        serviceKey,
        issuer,
        audience,
        maxStalenessMs: settings.max_staleness_ms,
        whenStale: settings.when_stale,
        onError: () => undefined,
      },
      this.#clock,
    )
    this.#guard = this.verifier.guardSockets()
    this.verifier.onSessionEnded(({ sid, userId, reason }) =>
      this.#ended.push({ sid, user_id: userId, reason }),
    )
    this.verifier.ready({ timeoutMs: Infinity }).then(
      () => (this.#ready = 'ready'),
      () => (this.#ready = 'failed'),
    )
  }

  async play(step: Step): Promise<void> {
    await this.#service.settle()
    this.#clock.pass(step.at - this.#now)
    this.#now = step.at
    await this.#service.settle()
    this.#act(step)
    await this.#call(step)
    await this.#service.settle()
    this.#check(step)
  }

  /** The service and the network. */
  #act({ response, bytes, base64, end, redeem, ...step }: Step): void {
    const service = this.#service
    if (response !== undefined && redeem === undefined)
      service.respond(response.status, response.content_type, response.content_encoding)
    if (bytes !== undefined) service.send(Buffer.from(bytes))
    if (base64 !== undefined) service.send(Buffer.from(base64, 'base64'))
    if (end !== undefined) service.end(end)
    if ('jwks' in step) {
      service.keys = step.jwks === null ? { status: 503, body: {} } : { status: 200, body: step.jwks }
    }
    service.receiptsStatus = step.receipts_status ?? service.receiptsStatus
  }

  /** The application. */
  async #call(step: Step): Promise<void> {
    if (step.verify !== undefined) await this.#verify(step, step.verify)
    if (step.redeem !== undefined) await this.#redeem(step, step.redeem)
    if (step.hold !== undefined) await this.#hold(step.hold, this.#tokenOf(step))
    if (step.renew !== undefined) {
      const socket = this.#sockets.get(step.renew)
      if (socket === undefined) throw new Error(`There is no socket ${step.renew}.`)
      const { result } = await outcomeOf(this.#guard.renew(socket, this.#tokenOf(step)))
      expect({ ...step, result }).toEqual(step)
    }
  }

  async #verify(step: Step, name: string): Promise<void> {
    const { introspection, max_age: maxAgeSeconds, amr } = step
    const calls = this.#service.calls.length
    if (introspection !== undefined) this.#service.reply = introspection
    const token = this.#tokenOf({ ...step, token: name })
    const { result, reason, claims } = await outcomeOf(this.verifier.verify(token, { maxAgeSeconds, amr }))
    expect({ ...step, result }).toEqual(step)
    if (step.reason !== undefined) expect(reason ?? null, JSON.stringify(step)).toBe(step.reason)
    if (step.roles !== undefined) expect(claims?.roles).toEqual(step.roles)
    const asked = introspection === undefined ? [] : [{ path: '/v1/introspect', body: { token } }]
    expect(this.#service.calls.slice(calls)).toEqual(asked)
  }

  async #redeem(step: Step, redeem: { readonly ticket: string; readonly origin?: string }): Promise<void> {
    const { response } = step
    const calls = this.#service.calls.length
    if (response !== undefined) this.#service.reply = { status: response.status, body: response.body }
    const { result, claims } = await outcomeOf(this.verifier.redeemTicket(redeem.ticket, redeem.origin))
    expect({ ...step, result }).toEqual(step)
    if (result === 'accepted') expect(claims).toEqual(step.claims)
    const asked = response === undefined ? [] : [{ path: '/v1/tickets/redeem', body: redeem }]
    expect(this.#service.calls.slice(calls)).toEqual(asked)
  }

  async #hold(name: string, token: string): Promise<void> {
    const socket: GuardedSocket = {
      close: (code, reason) => (this.#closed[name] = [code, reason]),
      once: () => undefined,
    }
    this.#sockets.set(name, socket)
    this.#guard.hold(socket, await this.verifier.verify(token))
  }

  #tokenOf({ token = '' }: Pick<Step, 'token'>): string {
    const found = this.#tokens[token]
    if (found === undefined) throw new Error(`There is no token ${token}.`)
    return found
  }

  /** Compares with everything that can be seen now. */
  #check(step: Step): void {
    const service = this.#service
    const { fresh, stalenessMs, connected, revokedCount, outdatedCount } = this.verifier.health()
    const health = {
      fresh,
      staleness_ms: stalenessMs,
      connected,
      revoked: revokedCount,
      outdated: outdatedCount,
    }
    const seen: Step = {
      at: step.at,
      request: {
        last_event_id: (service.feedRequests.at(-1)?.headers['last-event-id'] ?? null) as string | null,
      },
      requests: service.feedRequests.length,
      connection: service.isFeedOpen ? 'open' : 'closed',
      ready: this.#ready as 'ready',
      session_ended: this.#ended,
      key_fetches: service.keyFetches,
      receipts: service.receipts,
      closed: this.#closed,
    }
    for (const name of Object.keys(seen) as (keyof Step)[]) {
      if (name in step)
        expect({ at: step.at, [name]: seen[name] }).toEqual({ at: step.at, [name]: step[name] })
    }
    if (step.health !== undefined)
      expect({ at: step.at, ...health }).toMatchObject({ at: step.at, ...step.health })
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
  #requests = 0
}

interface Outcome {
  readonly result: string
  readonly reason?: string | undefined
  readonly claims?: Claims
}

async function outcomeOf(attempt: Promise<Claims>): Promise<Outcome> {
  try {
    return { result: 'accepted', claims: await attempt }
  } catch (error) {
    if (error instanceof TokenRefused) return { result: error.code, reason: error.reason }
    throw error
  }
}
