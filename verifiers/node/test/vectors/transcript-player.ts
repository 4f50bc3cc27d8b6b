import { expect } from 'vitest'
import { createVerifierAt } from '../../src/create-verifier.ts'
import { TokenRefused } from '../../src/token/token-refused.ts'
import type { GuardedSocket, SocketGuard } from '../../src/socket-types.ts'
import type { Claims, DeliveryClaims } from '../../src/token-types.ts'
import type { Verifier } from '../../src/types.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { serviceKey } from '../support/stand-in-service.ts'
import { TranscriptChecks } from './transcript-checks.ts'
import { TranscriptService } from './transcript-service.ts'
import type { Settings, Step, Transcript, TranscriptVectors } from './transcript-steps.ts'

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
  readonly #checks: TranscriptChecks
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
    this.#checks = new TranscriptChecks(service)
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
    this.#checks.check(step, {
      health: this.verifier.health(),
      ready: this.#ready,
      ended: this.#ended,
      closed: this.#closed,
    })
  }

  /** The service and the network. */
  #act({ response, bytes, times = 1, base64, end, redeem, ...step }: Step): void {
    const service = this.#service
    if (response !== undefined && redeem === undefined)
      service.respond(response.status, response.content_type, response.content_encoding)
    if (bytes !== undefined) service.send(Buffer.from(bytes.repeat(times)))
    if (base64 !== undefined) service.send(Buffer.from(base64, 'base64'))
    if (end !== undefined) service.end(end)
    if ('jwks' in step) {
      service.keys = step.jwks === null ? { status: 503, body: {} } : { status: 200, body: step.jwks }
    }
    service.receiptsStatus = step.receipts_status ?? service.receiptsStatus
  }

  /** The application. */
  async #call(step: Step): Promise<void> {
    if (step.close === true) await this.verifier.close()
    if (step.verify !== undefined) await this.#verify(step, step.verify)
    if (step.verify_delivery !== undefined) {
      const token = this.#tokenOf(step.verify_delivery)
      await this.#attempt(step, () => this.verifier.verifyDelivery(token))
    }
    if (step.redeem !== undefined) await this.#redeem(step, step.redeem)
    else if (step.hold !== undefined)
      this.#hold(step.hold, await this.verifier.verify(this.#tokenOf(step.token)))
    if (step.renew !== undefined) {
      const socket = this.#sockets.get(step.renew)
      if (socket === undefined) throw new Error(`There is no socket ${step.renew}.`)
      await this.#attempt(step, () => this.#guard.renew(socket, this.#tokenOf(step.token)))
    }
  }

  async #verify(step: Step, name: string): Promise<void> {
    const { introspection, max_age: maxAgeSeconds, amr } = step
    const token = this.#tokenOf(name)
    const { reason, claims } = await this.#attempt(
      step,
      () => this.verifier.verify(token, { maxAgeSeconds, amr }),
      introspection && { reply: introspection, call: { path: '/v1/introspect', body: { token } } },
    )
    if (step.reason !== undefined) expect(reason ?? null, JSON.stringify(step)).toBe(step.reason)
    if (step.roles !== undefined) expect(claims?.roles).toEqual(step.roles)
  }

  async #redeem(step: Step, redeem: { readonly ticket: string; readonly origin?: string }): Promise<void> {
    const { response } = step
    const { claims } = await this.#attempt(
      step,
      () => this.verifier.redeemTicket(redeem.ticket, redeem.origin),
      response && {
        reply: { status: response.status, body: response.body },
        call: { path: '/v1/tickets/redeem', body: redeem },
      },
    )
    if (claims === undefined) return
    expect(claims).toEqual(step.claims)
    if (step.hold !== undefined) this.#hold(step.hold, claims)
  }

  /** Calls the verifier, which sends the request of `exchange` and no other, and compares the result. */
  async #attempt<T extends Claims | DeliveryClaims>(
    step: Step,
    attempt: () => Promise<T>,
    exchange?: { readonly reply: { status: number; body: unknown }; readonly call: unknown },
  ): Promise<Outcome<T>> {
    const service = this.#service
    const before = service.calls.length
    if (exchange !== undefined) service.reply = exchange.reply
    const release = step.meanwhile === undefined ? undefined : service.holdReply()
    const attempted = outcomeOf(attempt())
    if (step.meanwhile !== undefined) {
      await service.settle()
      service.send(Buffer.from(step.meanwhile))
      await service.settle()
      release?.()
    }
    const outcome = await attempted
    expect({ ...step, result: outcome.result }).toEqual(step)
    expect(service.calls.slice(before)).toEqual(exchange === undefined ? [] : [exchange.call])
    return outcome
  }

  #hold(name: string, claims: Claims): void {
    const socket: GuardedSocket = {
      close: (code, reason) => (this.#closed[name] = [code, reason]),
      once: () => undefined,
    }
    this.#sockets.set(name, socket)
    this.#guard.hold(socket, claims)
  }

  #tokenOf(token = ''): string {
    const found = this.#tokens[token]
    if (found === undefined) throw new Error(`There is no token ${token}.`)
    return found
  }
}

interface Outcome<T> {
  readonly result: string
  readonly reason?: string | undefined
  readonly claims?: T
}

async function outcomeOf<T>(attempt: Promise<T>): Promise<Outcome<T>> {
  try {
    return { result: 'accepted', claims: await attempt }
  } catch (error) {
    if (error instanceof TokenRefused) return { result: error.code, reason: error.reason }
    throw error
  }
}
