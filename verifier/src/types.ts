/** What a verifier does with a good token while it cannot be sure to know every ended session. */
export type WhenStale = 'refuse' | 'introspect' | 'accept'

export interface VerifierOptions {
  /** The service's internal listener, as in `http://auth:8010`. */
  readonly url: string | URL
  readonly serviceKey: string
  /** `iss` of every token, exactly. */
  readonly issuer: string
  /** `aud` of every token, exactly. Left out: tokens must carry no `aud`. */
  readonly audience?: string | undefined
  /** HS256 only, at least 32 bytes: then no key is fetched and no asymmetric token accepted. */
  readonly sharedSecret?: string | undefined
  /** How old the knowledge of ended sessions may be. Default 5,000, at least 2,000. */
  readonly maxStalenessMs?: number | undefined
  /** Default `refuse`. */
  readonly whenStale?: WhenStale | undefined
  /** Tokens remembered. Default 10,000; 0 remembers none. */
  readonly cacheSize?: number | undefined
  /** For logs: the feed is cut, keys cannot be fetched. The error never holds a secret. */
  readonly onError?: ((error: Error) => void) | undefined
}

/** The claims of an access token (RFC 9068), frozen. Times are NumericDates (RFC 7519): seconds. */
export interface Claims {
  readonly iss: string
  readonly aud?: string
  readonly sub: string
  readonly user_id: number
  readonly sid: string
  readonly gen: number
  readonly jti?: string
  readonly iat: number
  readonly exp: number
  readonly auth_time: number
  readonly amr: readonly string[]
  readonly roles: readonly string[]
}

export interface SessionEnd {
  readonly sid: string
  readonly userId: number
  readonly reason: string
}

/** Why a token or ticket was refused. `stale` and `unavailable` say nothing about the token: ask again later. */
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
  | 'stale'
  | 'unavailable'
  | 'ticket_gone'
  | 'origin_mismatch'

export interface Health {
  /** Keys are there, and the knowledge of ended sessions is at most `maxStalenessMs` old. */
  readonly fresh: boolean
  /** How old that knowledge may be at most; infinite before the first snapshot. */
  readonly stalenessMs: number
  /** The feed of ended sessions is open. */
  readonly connected: boolean
  readonly revokedCount: number
  /** Sessions that go on, and of which older tokens are refused. */
  readonly outdatedCount: number
  readonly keyCount: number
  readonly cachedTokens: number
  readonly verified: number
  /** How many of `verified` were answered from the cache. */
  readonly cacheHits: number
  readonly refused: Readonly<Partial<Record<RefusalCode, number>>>
  readonly feedReconnects: number
  readonly receipts: { readonly reported: number; readonly dropped: number; readonly waiting: number }
}

export interface ReadyOptions {
  /** Left out: waits for as long as it takes. */
  readonly timeoutMs?: number | undefined
  readonly signal?: AbortSignal | undefined
}

export interface Verifier {
  /**
   * Resolves when keys and a first snapshot of the ended sessions are there; keeps trying until then.
   * Rejects with an `Error` after `timeoutMs`, when `signal` aborts (with its reason), or when the verifier closes.
   */
  ready(options?: ReadyOptions): Promise<void>
  /** Answers the claims of a good access token; throws `TokenRefused` for anything else, whatever it is. */
  verify(token: string): Promise<Claims>
  /**
   * Spends a socket ticket; exactly one redemption of a ticket succeeds, anywhere.
   * Throws `TokenRefused` with `ticket_gone`, `origin_mismatch` or `unavailable`, or what its claims fail for. The roles are
   * those at the moment the service was asked, also where the ticket is of a token that is outdated.
   */
  redeemTicket(ticket: string, origin?: string): Promise<Claims>
  /** Calls `listener` once for every session end learnt from now on; answers how to stop. */
  onSessionEnded(listener: (end: SessionEnd) => void): () => void
  health(): Health
  /** Closes sockets when their session ends, their token runs out or is outdated, or this verifier is stale and refusing. */
  guardSockets(): SocketGuard
  /** Reports the last receipts (for 2 s at most), closes the feed and lets everything go. */
  close(): Promise<void>
}

/** What a guard needs of a socket; a `WebSocket` of `ws` fits as it is. */
export interface GuardedSocket {
  close(code: number, reason: string): void
  terminate?(): void
  once(event: 'close', listener: () => void): unknown
}

export interface SocketGuard {
  /**
   * Watches over an open socket; one whose session has ended, or whose token ran out or is outdated, is closed at once. Give
   * it the claims as `verify` or `redeemTicket` answered them, not a copy.
   */
  hold(socket: GuardedSocket, claims: Claims): void
  /** Lets a held socket live as long as a newer token of the same session; throws `TokenRefused`. */
  renew(socket: GuardedSocket, newToken: string): Promise<Claims>
  release(socket: GuardedSocket): void
  readonly size: number
}

/** What a socket guard hears from its verifier. */
export interface GuardSource {
  onSessionEnded(listener: (end: SessionEnd) => void): () => void
  /** Calls `listener` each time the verifier becomes stale and refuses because of it. */
  onStale(listener: () => void): () => void
  /** The end reason of a session known to have ended. */
  endReasonOf(sid: string): string | undefined
  /** Calls `listener` each time that tokens of a session were outdated, which goes on. */
  onTokensOutdated(listener: (sid: string) => void): () => void
  /** The claims may say what is no longer so. */
  isOutdated(claims: Claims): boolean
  /** True while stale and told to refuse then. */
  isRefusing(): boolean
  /** The service's time, in milliseconds since the epoch. */
  serviceNow(): number
  verify(token: string): Promise<Claims>
}
