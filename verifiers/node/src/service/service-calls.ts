import type { Clock } from './clock.ts'
import type { SendJson } from './json-requests.ts'
import { isJsonObject, isStringArray } from './json-values.ts'
import { TokenRefused } from './token-refused.ts'
import type { Claims } from './types.ts'

const TIMEOUT_MS = 2_000
const MAX_BYTES = 64 * 1024
const AT_ONCE = 64
/** Beyond this many, none would get an answer in time. */
const WAITING_LIMIT = 10_000
const TICKET_LENGTH_LIMIT = 1024

export interface ServiceCallsDeps {
  readonly send: SendJson
  readonly serviceKey: string
  readonly clock: Clock
  readonly onError: (error: Error) => void
}

/** Asks the service about single tokens (RFC 7662), a bounded number at once, each token once at a time. */
export class Introspection {
  readonly #deps: ServiceCallsDeps
  readonly #underWay = new Map<string, Promise<readonly string[]>>()
  readonly #waiting: (() => void)[] = []
  #running = 0

  constructor(deps: ServiceCallsDeps) {
    this.#deps = deps
  }

  /**
   * Answers the roles that the person of a token has now, which may be others than it says. Throws `TokenRefused` with
   * `session_ended` for a token the service calls not active, or `unavailable`.
   */
  currentRoles(token: string, claims: Claims): Promise<readonly string[]> {
    const known = this.#underWay.get(token)
    if (known !== undefined) return known
    const asked = this.#ask(token, claims).finally(() => this.#underWay.delete(token))
    this.#underWay.set(token, asked)
    return asked
  }

  async #ask(token: string, { sid }: Claims): Promise<readonly string[]> {
    const { send, serviceKey, clock, onError } = this.#deps
    const giveUpAt = clock.monotonicMs() + TIMEOUT_MS
    await this.#begin()
    try {
      const timeoutMs = giveUpAt - clock.monotonicMs()
      if (timeoutMs <= 0) throw new TokenRefused('unavailable')
      const request = { method: 'POST', path: 'v1/introspect', timeoutMs, maxBytes: MAX_BYTES } as const
      const { status, body } = await call(send, { ...request, body: { token }, serviceKey }, onError)
      const { active, sid: answered, roles } = status === 200 && isJsonObject(body) ? body : {}
      // Signed for a session, and not accepted by the service: the session is what has ended.
      if (active === false) throw new TokenRefused('session_ended')
      if (active !== true || answered !== sid || !isStringArray(roles)) throw new TokenRefused('unavailable')
      return roles
    } finally {
      this.#running -= 1
      this.#waiting.shift()?.()
    }
  }

  async #begin(): Promise<void> {
    if (this.#running >= AT_ONCE) {
      if (this.#waiting.length >= WAITING_LIMIT) throw new TokenRefused('unavailable')
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
    this.#running += 1
  }
}

/**
 * Spends a ticket at the service; answers the claims as they came. Throws `TokenRefused` with `ticket_gone`,
 * `origin_mismatch` or `unavailable`.
 */
export async function redeemAtService(
  { send, serviceKey, onError }: ServiceCallsDeps,
  ticket: unknown,
  origin: string | undefined,
): Promise<Record<string, unknown>> {
  if (typeof ticket !== 'string' || ticket === '' || ticket.length > TICKET_LENGTH_LIMIT) {
    throw new TokenRefused('ticket_gone')
  }
  const body = { ticket, ...(origin === undefined ? {} : { origin }) }
  const request = {
    method: 'POST',
    path: 'v1/tickets/redeem',
    timeoutMs: TIMEOUT_MS,
    maxBytes: MAX_BYTES,
  } as const
  const answer = await call(send, { ...request, body, serviceKey }, onError)
  if (answer.status === 200 && isJsonObject(answer.body)) return answer.body
  const code = isJsonObject(answer.body) ? answer.body['code'] : undefined
  if (answer.status === 403 && code === 'origin_mismatch') throw new TokenRefused('origin_mismatch')
  if ([400, 410, 422].includes(answer.status)) throw new TokenRefused('ticket_gone')
  throw new TokenRefused('unavailable')
}

async function call(
  send: SendJson,
  request: Parameters<SendJson>[0],
  onError: (error: Error) => void,
): ReturnType<SendJson> {
  try {
    const answer = await send(request)
    const isKeyRefused = answer.status === 401 || (answer.status === 403 && !isOriginMismatch(answer.body))
    if (isKeyRefused) {
      onError(
        new Error(`POST ${request.path}: status ${answer.status}; is serviceKey one of the SERVICE_KEYS?`),
      )
    }
    return answer
  } catch (error) {
    onError(error instanceof Error ? error : new Error('unknown failure'))
    throw new TokenRefused('unavailable')
  }
}

const isOriginMismatch = (body: unknown): boolean => isJsonObject(body) && body['code'] === 'origin_mismatch'
