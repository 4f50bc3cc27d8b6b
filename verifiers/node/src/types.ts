import type { SocketGuard } from './socket-types.ts'
import type {
  AuthenticationRequirements,
  Claims,
  DeliveryClaims,
  RefusalCode,
  SessionEnd,
} from './token-types.ts'

/**
 * How a verifier treats a valid token while it is stale, that is, while it may not know every ended session.
 *
 * - `refuse` throws `TokenRefused` with the code `stale`.
 * - `introspect` asks the service about each token (RFC 7662).
 * - `accept` accepts the token unless its session is known to have ended.
 *
 * @example
 * ```ts
 * const whenStale: WhenStale = 'introspect'
 * ```
 */
export type WhenStale = 'refuse' | 'introspect' | 'accept'

/**
 * Options of `createVerifier`.
 *
 * @example
 * ```ts
 * const options: VerifierOptions = {
 *   url: 'http://auth:8010',
 *   serviceKey: process.env.SERVICE_KEY ?? '',
 *   issuer: 'https://auth.example',
 *   audience: 'chat',
 *   onError: (error) => console.error(error.message),
 * }
 * ```
 */
export interface VerifierOptions {
  /** Base URL of the service's internal listener, such as `http://auth:8010`. */
  readonly url: string | URL
  /** One of the `SERVICE_KEYS` of the service. */
  readonly serviceKey: string
  /** The exact `iss` of every token: `TOKEN_ISSUER` of the service. */
  readonly issuer: string
  /** The exact `aud` of every token: `TOKEN_AUDIENCE` of the service. Without it, tokens must carry no `aud`. */
  readonly audience?: string | undefined
  /** The HS256 secret, at least 32 bytes. With it, no keys are fetched and only HS256 tokens are accepted. */
  readonly sharedSecret?: string | undefined
  /** Milliseconds after which knowledge of ended sessions is stale. Default 5,000, at least 2,000. */
  readonly maxStalenessMs?: number | undefined
  /** Default `refuse`. */
  readonly whenStale?: WhenStale | undefined
  /** Number of checked tokens to cache. Default 10,000; 0 turns the cache off. */
  readonly cacheSize?: number | undefined
  /**
   * Called with background errors for your log: a lost feed, keys that cannot be fetched. Errors contain no secrets.
   * Default: `console.error`, each message at most once an hour. Pass `() => undefined` for silence.
   */
  readonly onError?: ((error: Error) => void) | undefined
}

/**
 * A snapshot of the verifier's state, for readiness checks and metrics. Counters start at 0 with the verifier.
 *
 * @example
 * ```ts
 * const { fresh, stalenessMs }: Health = verifier.health()
 * response.status(fresh ? 200 : 503).json({ stalenessMs })
 * ```
 */
export interface Health {
  /** True if keys are loaded and knowledge of ended sessions is at most `maxStalenessMs` old. */
  readonly fresh: boolean
  /** Upper bound of the age of that knowledge, in milliseconds. `Infinity` before the first snapshot. */
  readonly stalenessMs: number
  /** True while the revocation feed is open. */
  readonly connected: boolean
  /** Ended sessions held in memory. */
  readonly revokedCount: number
  /** Live sessions of which older tokens are refused. */
  readonly outdatedCount: number
  readonly keyCount: number
  readonly cachedTokens: number
  /** Tokens accepted by `verify`. */
  readonly verified: number
  /** How many of `verified` came from the cache. */
  readonly cacheHits: number
  /** Refusals by code. */
  readonly refused: Readonly<Partial<Record<RefusalCode, number>>>
  readonly feedReconnects: number
  /** Receipts reported to the service, dropped, and waiting to be sent. */
  readonly receipts: { readonly reported: number; readonly dropped: number; readonly waiting: number }
}

/**
 * Options of `verifier.ready()`.
 *
 * @example
 * ```ts
 * const options: ReadyOptions = { timeoutMs: 10_000, signal: controller.signal }
 * await verifier.ready(options)
 * ```
 */
export interface ReadyOptions {
  /** Milliseconds to wait. Default 30,000; `Infinity` waits indefinitely. */
  readonly timeoutMs?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * Verifies tokens of one service; created by `createVerifier`.
 *
 * @example
 * ```ts
 * const verifier: Verifier = createVerifier(options)
 * await verifier.ready()
 * const { user_id } = await verifier.verify(token)
 * ```
 */
export interface Verifier {
  /**
   * Resolves when keys and a first snapshot of the ended sessions are loaded; retries until then.
   * Rejects with an `Error` that says what to check after `timeoutMs`, and immediately if the service refuses the feed
   * with 401, 403 or 404. Rejects with the signal's reason on abort, and with an `Error` on `close()`.
   *
   * @example
   * ```ts
   * await verifier.ready({ timeoutMs: 10_000 })
   * ```
   */
  ready(options?: ReadyOptions): Promise<void>
  /**
   * Returns the claims of a valid access token (RFC 9068, section 4). Throws `TokenRefused` for any other value, and with
   * `reauthentication_required` for a valid token that does not meet the requirements. Rejects with a `TypeError` for
   * invalid requirements.
   *
   * @example
   * ```ts
   * const { user_id, roles } = await verifier.verify(token)
   * await verifier.verify(token, { maxAgeSeconds: 600 })
   * ```
   */
  verify(token: string, requirements?: AuthenticationRequirements): Promise<Claims>
  /**
   * Returns the claims of a token that the service sends with a call about a user, such as a new name. Only the
   * service makes such tokens, and not for users: for their requests, use `verify`. Needs no fresh feed. Throws
   * `TokenRefused` for any other value, an access token included.
   *
   * @example
   * ```ts
   * const { user_id } = await verifier.verifyDelivery(token)
   * if (user_id !== body.id) response.status(403).end()
   * ```
   */
  verifyDelivery(token: string): Promise<DeliveryClaims>
  /**
   * Redeems a socket ticket at the service and returns its claims. A ticket can be redeemed once, across all verifiers.
   * The roles are current, even if the token that the ticket was made with is outdated.
   *
   * Throws `TokenRefused` with `ticket_gone`, `origin_mismatch`, `unavailable`, or the code of an invalid claim.
   *
   * @example
   * ```ts
   * const claims = await verifier.redeemTicket(ticket, request.headers.origin)
   * ```
   */
  redeemTicket(ticket: string, origin?: string): Promise<Claims>
  /**
   * Calls `listener` once for each session end received from now on. Returns a function that unsubscribes it.
   *
   * @example
   * ```ts
   * const unsubscribe = verifier.onSessionEnded(({ userId, reason }) => console.log(userId, reason))
   * ```
   */
  onSessionEnded(listener: (end: SessionEnd) => void): () => void
  /**
   * Returns the current state without I/O.
   *
   * @example
   * ```ts
   * const isReady = verifier.health().fresh
   * ```
   */
  health(): Health
  /**
   * Returns a guard that closes sockets when their session ends, when their token expires or becomes outdated, and when
   * this verifier is stale and `whenStale` is `refuse`.
   *
   * @example
   * ```ts
   * const guard = verifier.guardSockets()
   * guard.hold(socket, claims)
   * ```
   */
  guardSockets(): SocketGuard
  /**
   * Sends the last receipts, for up to 2 seconds, and closes all connections. Close servers and sockets before: a closed
   * verifier refuses every token with `unavailable`. Nothing guards its sockets any more: if `whenStale` is `refuse`, they
   * close with 4503.
   *
   * @example
   * ```ts
   * process.once('SIGTERM', () => server.close(() => void verifier.close()))
   * ```
   */
  close(): Promise<void>
}
