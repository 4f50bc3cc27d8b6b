import type { Clock } from '../clock.ts'
import { isJsonObject, isStringArray } from '../token/json-values.ts'
import { TokenRefused } from '../token/token-refused.ts'
import type { Claims } from '../token-types.ts'
import type { JsonRequest, JsonResponse, SendJson } from './json-requests.ts'
import { faultOfSettings } from './wrong-settings.ts'

const TIMEOUT_MS = 2_000
const MAX_BYTES = 64 * 1024
const MAX_IN_FLIGHT = 64
/** With more waiting, none would get a response in time. */
const WAITING_LIMIT = 10_000
const TICKET_LENGTH_LIMIT = 1024

export interface ServiceCallsDeps {
  readonly send: SendJson
  readonly serviceKey: string
  readonly clock: Clock
  readonly onError: (error: Error) => void
}

/** Introspects tokens at the service (RFC 7662). Limits the requests in flight, and sends one per token at a time. */
export class Introspection {
  readonly #deps: ServiceCallsDeps
  readonly #inFlight = new Map<string, Promise<readonly string[]>>()
  readonly #waiting: (() => void)[] = []
  #running = 0

  constructor(deps: ServiceCallsDeps) {
    this.#deps = deps
  }

  /**
   * Returns the current roles of the token's user, which may differ from those in the token. Throws `TokenRefused` with
   * `session_ended` if the service reports the token as inactive, and with `unavailable` if it does not respond.
   */
  currentRoles(token: string, claims: Claims): Promise<readonly string[]> {
    const known = this.#inFlight.get(token)
    if (known !== undefined) return known
    const roles = this.#introspect(token, claims).finally(() => this.#inFlight.delete(token))
    this.#inFlight.set(token, roles)
    return roles
  }

  async #introspect(token: string, { sid }: Claims): Promise<readonly string[]> {
    const { send, serviceKey, clock, onError } = this.#deps
    const deadline = clock.monotonicMs() + TIMEOUT_MS
    await this.#begin()
    try {
      const timeoutMs = deadline - clock.monotonicMs()
      if (timeoutMs <= 0) throw new TokenRefused('unavailable')
      const { status, body } = await call(
        send,
        {
          method: 'POST',
          path: 'v1/introspect',
          body: { token },
          serviceKey,
          timeoutMs,
          maxBytes: MAX_BYTES,
        },
        onError,
      )
      const { active, sid: returnedSid, roles } = status === 200 && isJsonObject(body) ? body : {}
      // The signature is valid, so an inactive token means that the session has ended.
      if (active === false) throw new TokenRefused('session_ended')
      if (active !== true || returnedSid !== sid || !isStringArray(roles))
        throw new TokenRefused('unavailable')
      return roles
    } finally {
      this.#running -= 1
      this.#waiting.shift()?.()
    }
  }

  async #begin(): Promise<void> {
    if (this.#running >= MAX_IN_FLIGHT) {
      if (this.#waiting.length >= WAITING_LIMIT) throw new TokenRefused('unavailable')
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
    this.#running += 1
  }
}

/**
 * Redeems a ticket at the service and returns its claims unchecked. Throws `TokenRefused` with `ticket_gone`,
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
  const { status, body } = await call(
    send,
    {
      method: 'POST',
      path: 'v1/tickets/redeem',
      body: origin === undefined ? { ticket } : { ticket, origin },
      serviceKey,
      timeoutMs: TIMEOUT_MS,
      maxBytes: MAX_BYTES,
    },
    onError,
  )
  if (status === 200 && isJsonObject(body)) return body
  if (status === 403 && isOriginMismatch(body)) throw new TokenRefused('origin_mismatch')
  if ([400, 410, 422].includes(status)) throw new TokenRefused('ticket_gone')
  throw new TokenRefused('unavailable')
}

async function call(
  send: SendJson,
  request: JsonRequest,
  onError: (error: Error) => void,
): Promise<JsonResponse> {
  try {
    const response = await send(request)
    const { status, body } = response
    const fault = faultOfSettings(request.path, status)
    if (fault !== undefined && !isOriginMismatch(body)) onError(fault)
    return response
  } catch (error) {
    onError(error instanceof Error ? error : new Error('unknown failure'))
    throw new TokenRefused('unavailable')
  }
}

const isOriginMismatch = (body: unknown): boolean => isJsonObject(body) && body['code'] === 'origin_mismatch'
