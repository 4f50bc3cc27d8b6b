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
 * The claims of an access token (RFC 9068, section 2.2), frozen. Times are NumericDates (RFC 7519, section 2): seconds.
 *
 * @example
 * ```ts
 * const canDelete = (claims: Claims): boolean => claims.roles.includes('moderator')
 * ```
 */
export interface Claims {
  readonly iss: string
  readonly aud?: string
  /** The user id as a string. */
  readonly sub: string
  readonly user_id: number
  /** The session id. */
  readonly sid: string
  /** The generation of the session: 0 after sign-in, one more with each refresh. */
  readonly gen: number
  readonly jti?: string
  /** When the token was issued. */
  readonly iat: number
  /** The first moment at which the token is no longer valid. */
  readonly exp: number
  /** When the user signed in. */
  readonly auth_time: number
  /** How the user signed in (RFC 8176). */
  readonly amr: readonly string[]
  readonly roles: readonly string[]
}

/**
 * The claims of a delivery token, frozen. Times are NumericDates (RFC 7519, section 2): seconds.
 *
 * @example
 * ```ts
 * const { user_id, jti }: DeliveryClaims = await verifier.verifyDelivery(token)
 * ```
 */
export interface DeliveryClaims {
  readonly iss: string
  /** The user id as a string. */
  readonly sub: string
  /** The user whom the call is about. */
  readonly user_id: number
  /** Another one at each attempt. */
  readonly jti: string
  /** When the token was issued. With a shared secret, 30 seconds before. */
  readonly iat: number
  /** The first moment at which the token is no longer valid. */
  readonly exp: number
}

/**
 * Requirements on the authentication behind a token, for calls that a stolen token must not make (RFC 9470).
 *
 * @example
 * ```ts
 * const forPayments: AuthenticationRequirements = { maxAgeSeconds: 300, amr: ['otp'] }
 * await verifier.verify(token, forPayments)
 * ```
 */
export interface AuthenticationRequirements {
  /** The user authenticated at most this many seconds ago, by `auth_time`. A whole number, at least 1. */
  readonly maxAgeSeconds?: number | undefined
  /** Methods that the user must have used, all of them (RFC 8176). Today chat-auth knows `pwd` only. */
  readonly amr?: readonly string[] | undefined
}

/**
 * A session that has ended, and why.
 *
 * @example
 * ```ts
 * verifier.onSessionEnded(({ sid, userId, reason }: SessionEnd) => presence.remove(userId, sid, reason))
 * ```
 */
export interface SessionEnd {
  readonly sid: string
  readonly userId: number
  /** Such as `signed_out` or `password_changed`. */
  readonly reason: string
}

/**
 * Why a token or ticket was refused. With `stale` and `unavailable` the token was not judged: keep it and retry later.
 *
 * @example
 * ```ts
 * const isRetryable = (code: RefusalCode): boolean => code === 'stale' || code === 'unavailable'
 * ```
 */
export type RefusalCode =
  | 'malformed_token'
  | 'unknown_key'
  | 'wrong_algorithm'
  | 'bad_signature'
  | 'wrong_type'
  | 'wrong_issuer'
  | 'wrong_audience'
  | 'expired'
  | 'not_yet_valid'
  | 'invalid_claims'
  | 'session_ended'
  | 'token_outdated'
  | 'reauthentication_required'
  | 'stale'
  | 'unavailable'
  | 'ticket_gone'
  | 'origin_mismatch'

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
   * verifier refuses every token with `unavailable`.
   *
   * @example
   * ```ts
   * process.once('SIGTERM', () => server.close(() => void verifier.close()))
   * ```
   */
  close(): Promise<void>
}

/**
 * The part of a socket that a guard needs. A `WebSocket` of `ws` has it; so can any other connection that can be closed.
 *
 * @example
 * ```ts
 * const guarded: GuardedSocket = {
 *   close: (code, reason) => connection.end(`${code} ${reason}`),
 *   once: (event, listener) => connection.once(event, listener),
 * }
 * ```
 */
export interface GuardedSocket {
  /** Starts the closing handshake (RFC 6455, section 7.1.2). */
  close(code: number, reason: string): void
  /** Cuts the connection. Called 5 seconds after `close` if the socket has not closed by then. */
  terminate?(): void
  once(event: 'close', listener: () => void): unknown
}

/**
 * Closes sockets when their session or token stops being valid; created by `verifier.guardSockets()`.
 *
 * Close codes: 4401 for an ended session, 4408 for an expired or outdated token, 4503 for a stale verifier.
 *
 * @example
 * ```ts
 * const guard: SocketGuard = verifier.guardSockets()
 * guard.hold(socket, await verifier.redeemTicket(ticket, origin))
 * ```
 */
export interface SocketGuard {
  /**
   * Guards an open socket. Closes it immediately if its session has ended or its token has expired or is outdated.
   * Pass the claims object that `verify` or `redeemTicket` returned, not a copy.
   *
   * @example
   * ```ts
   * guard.hold(socket, await verifier.verify(token))
   * ```
   */
  hold(socket: GuardedSocket, claims: Claims): void
  /**
   * Keeps a guarded socket open until a newer token of the same session expires. Throws `TokenRefused` and leaves the
   * socket as it was if the token is refused.
   *
   * @example
   * ```ts
   * const { exp } = await guard.renew(socket, newToken)
   * ```
   */
  renew(socket: GuardedSocket, newToken: string): Promise<Claims>
  /**
   * Stops guarding a socket without closing it. Sockets that close are released by themselves.
   *
   * @example
   * ```ts
   * guard.release(socket)
   * ```
   */
  release(socket: GuardedSocket): void
  /** Number of guarded sockets. */
  readonly size: number
}
