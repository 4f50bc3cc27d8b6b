// A verifier that accepts the tokens and tickets in its maps.
import type { Clock } from '../../src/clock.ts'
import { createSocketGuard } from '../../src/sockets/socket-guard.ts'
import { TokenRefused } from '../../src/token/token-refused.ts'
import type { GuardSource } from '../../src/sockets/guard-source.ts'
import type { SocketGuard } from '../../src/socket-types.ts'
import type { AuthenticationRequirements, Claims, SessionEnd } from '../../src/token-types.ts'
import type { Health, Verifier } from '../../src/types.ts'
import { requireAuthentication } from '../../src/verification/require-authentication.ts'

/** Seconds; when the tests begin, by the service's clock. */
export const noon = Date.parse('2026-03-01T12:00:00Z') / 1000

/** The same number gives the same id. */
export const sid = (number: number): string =>
  `019a0000-0000-7000-8000-${number.toString(16).padStart(12, '0')}`

export const someClaims = (changes: Partial<Claims> = {}): Claims => ({
  iss: 'http://localhost:8000',
  aud: 'chat',
  sub: '7',
  user_id: 7,
  sid: sid(1),
  gen: 0,
  iat: noon,
  exp: noon + 600,
  auth_time: noon,
  amr: ['pwd'],
  roles: [],
  ...changes,
})

export class FakeVerifier implements Verifier, GuardSource {
  readonly tokens = new Map<string, Claims>()
  readonly tickets = new Map<string, { claims: Claims; origin?: string }>()
  /** Set to hold up every check until it resolves. */
  pause: Promise<void> | undefined
  now = noon
  /** Epoch milliseconds, as of `GuardSource`. */
  forgotten = -Infinity
  readonly #ended = new Map<string, string>()
  readonly #outdated = new Map<string, number>()
  readonly #outdatedListeners = new Set<(subject: { sid: string }) => void>()
  /** Claims of tickets that were redeemed after the last change. */
  current = new WeakSet<Claims>()
  readonly #endListeners = new Set<(end: SessionEnd) => void>()
  readonly #staleListeners = new Set<() => void>()
  readonly #closedListeners = new Set<(closesSockets: boolean) => void>()
  readonly #timers: Pick<Clock, 'after'> | undefined
  #isStale = false
  #isClosed = false

  constructor(timers?: Pick<Clock, 'after'>) {
    this.#timers = timers
  }

  forgottenUpTo(): number {
    return this.forgotten
  }

  verifyDelivery(): Promise<never> {
    return Promise.reject(new TokenRefused('malformed_token'))
  }

  ready(): Promise<void> {
    return Promise.resolve()
  }

  async verify(token: string, requirements: AuthenticationRequirements = {}): Promise<Claims> {
    await this.pause
    const claims = this.#check(this.tokens.get(token) ?? refuse('bad_signature'))
    requireAuthentication(claims, requirements, this.now * 1000)
    return claims
  }

  async redeemTicket(ticket: string, origin?: string): Promise<Claims> {
    await this.pause
    const found = this.tickets.get(ticket) ?? refuse('ticket_gone')
    this.tickets.delete(ticket)
    if (found.origin !== undefined && found.origin !== origin) refuse('origin_mismatch')
    return this.#check(found.claims)
  }

  onSessionEnded(listener: (end: SessionEnd) => void): () => void {
    this.#endListeners.add(listener)
    return () => this.#endListeners.delete(listener)
  }

  onStale(listener: () => void): () => void {
    this.#staleListeners.add(listener)
    return () => this.#staleListeners.delete(listener)
  }

  onClosed(listener: (closesSockets: boolean) => void): () => void {
    this.#closedListeners.add(listener)
    return () => this.#closedListeners.delete(listener)
  }

  isClosed(): boolean {
    return this.#isClosed
  }

  endReasonOf(id: string): string | undefined {
    return this.#ended.get(id)
  }

  onTokensOutdated(listener: (subject: { sid: string }) => void): () => void {
    this.#outdatedListeners.add(listener)
    return () => this.#outdatedListeners.delete(listener)
  }

  isOutdated(claims: Claims): boolean {
    return claims.gen <= (this.#outdated.get(claims.sid) ?? -1) && !this.current.has(claims)
  }

  isRefusing(): boolean {
    return this.#isStale
  }

  serviceNow(): number {
    return this.now * 1000
  }

  guardSockets(): SocketGuard {
    return createSocketGuard(this, this.#timers)
  }

  health(): Health {
    throw new Error('nobody asks for it here')
  }

  close(closesSockets = true): Promise<void> {
    this.#isClosed = true
    for (const listener of this.#closedListeners) listener(closesSockets)
    return Promise.resolve()
  }

  /** Ends a session as an event of the feed would. */
  end(id: string, reason = 'signed_out'): void {
    this.#ended.set(id, reason)
    for (const listener of this.#endListeners) listener({ sid: id, userId: 7, reason })
  }

  outdate(id: string, upToGeneration: number): void {
    this.#outdated.set(id, upToGeneration)
    this.current = new WeakSet()
    for (const listener of this.#outdatedListeners) listener({ sid: id })
  }

  goStale(): void {
    this.#isStale = true
    for (const listener of this.#staleListeners) listener()
  }

  #check(claims: Claims): Claims {
    const reason = this.#ended.get(claims.sid)
    if (reason !== undefined) throw new TokenRefused('session_ended', { reason })
    if (claims.exp <= this.now) refuse('expired')
    if (this.isOutdated(claims)) refuse('token_outdated')
    if (this.#isStale) refuse('stale')
    return claims
  }
}

function refuse(code: TokenRefused['code']): never {
  throw new TokenRefused(code)
}
