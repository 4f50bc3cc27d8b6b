import type { Clock } from '../clock.ts'
import type { RevocationFeed } from '../feed/revocation-feed.ts'
import type { Settings } from '../options.ts'
import type { Receipts } from '../service/receipts.ts'
import { Introspection, redeemAtService, type ServiceCallsDeps } from '../service/service-calls.ts'
import { readClaims, type CheckedClaims } from '../token/claims.ts'
import type { CheckedDelivery } from '../token/delivery-claims.ts'
import type { KeySource } from '../token/key-source.ts'
import { TokenChecks, type GenuineToken } from '../token/token-checks.ts'
import { TokenRefused } from '../token/token-refused.ts'
import type { AuthenticationRequirements, Claims, DeliveryClaims } from '../token-types.ts'
import { checkRequirements, requireAuthentication } from './require-authentication.ts'
import { VerificationCounts } from './verification-counts.ts'

interface LocalVerifierDeps {
  readonly settings: Settings
  readonly clock: Clock
  readonly keys: KeySource
  readonly feed: RevocationFeed
  readonly receipts: Receipts
  readonly calls: ServiceCallsDeps
}

/** Verifies tokens with what is known locally. Calls the service for tickets, new keys, and stale introspection only. */
export class LocalVerifier {
  readonly counts = new VerificationCounts()
  readonly #deps: LocalVerifierDeps
  readonly #checks: TokenChecks
  readonly #introspection: Introspection
  /** For redeemed claims: the revision before the service was called. Their roles include every change up to it. */
  readonly #revisionAtRedeem = new WeakMap<Claims, number>()

  constructor(deps: LocalVerifierDeps) {
    this.#deps = deps
    this.#checks = new TokenChecks(deps.keys, deps.settings, deps.settings.cacheSize)
    this.#introspection = new Introspection(deps.calls)
  }

  get cachedCount(): number {
    return this.#checks.cachedCount
  }

  async verify(token: string, requirements?: AuthenticationRequirements): Promise<Claims> {
    if (requirements !== undefined) checkRequirements(requirements)
    try {
      const cached = this.#checks.cached(token)
      const genuine =
        cached ?? this.#checks.check(token) ?? (await this.#withNewKeys(() => this.#checks.check(token)))
      this.#requireValidNow(genuine)
      if (cached === undefined) this.#checks.cache(token, genuine)
      const claims = this.#deps.feed.isFresh() ? genuine.claims : await this.#claimsWhenStale(token, genuine)
      if (!genuine.isReported) this.#report(genuine)
      if (requirements !== undefined) requireAuthentication(claims, requirements, this.#now())
      this.counts.verified += 1
      if (cached !== undefined) this.counts.cacheHits += 1
      return claims
    } catch (error) {
      this.counts.countRefusal(error)
      throw error
    }
  }

  async redeemTicket(ticket: string, origin?: string): Promise<Claims> {
    const { feed, calls, settings } = this.#deps
    const revision = feed.outdatedRevision
    try {
      const checked = readClaims(await redeemAtService(calls, ticket, origin), settings)
      this.#revisionAtRedeem.set(checked.claims, revision)
      // The response is current, so staleness does not matter. Events that arrived during the call do.
      this.#requireValidNow(checked)
      return checked.claims
    } catch (error) {
      this.counts.countRefusal(error)
      throw error
    }
  }

  async verifyDelivery(token: string): Promise<DeliveryClaims> {
    try {
      const check = (): CheckedDelivery | undefined => this.#checks.checkDelivery(token)
      const { claims, expiresAtMs, notBeforeMs } = check() ?? (await this.#withNewKeys(check))
      const now = this.#now()
      if (Number.isNaN(now)) throw new TokenRefused('unavailable')
      requireTime(now, expiresAtMs, notBeforeMs)
      return claims
    } catch (error) {
      this.counts.countRefusal(error)
      throw error
    }
  }

  async #withNewKeys<T>(check: () => T | undefined): Promise<T> {
    const { keys } = this.#deps
    const isCurrent = await keys.refresh()
    const genuine = check()
    if (genuine !== undefined) return genuine
    // If the keys could not be fetched, the token may be valid: the user must not be asked to sign in again.
    throw new TokenRefused(isCurrent ? 'unknown_key' : 'unavailable')
  }

  /** Whether a newer token of the session may carry other roles. */
  isOutdated(claims: Claims): boolean {
    const revision = this.#deps.feed.revisionOutdating(claims)
    return revision !== undefined && revision > (this.#revisionAtRedeem.get(claims) ?? -Infinity)
  }

  #requireValidNow({ claims, expiresAtMs, notBeforeMs }: CheckedClaims): void {
    const { feed } = this.#deps
    const now = this.#now()
    if (expiresAtMs <= feed.forgottenUpTo) throw new TokenRefused('expired')
    requireTime(now, expiresAtMs, notBeforeMs)
    const reason = feed.reasonOf(claims.sid)
    if (reason !== undefined) throw new TokenRefused('session_ended', { reason })
    if (this.isOutdated(claims)) throw new TokenRefused('token_outdated')
  }

  /** The service's time. Before it is known, the local clock is used with `whenStale: 'accept'` only. */
  #now(): number {
    const { settings, feed, clock } = this.#deps
    return feed.serviceTimeMs() ?? (settings.whenStale === 'accept' ? clock.wallMs() : NaN)
  }

  /** Returns the claims; with `introspect`, with the roles that the service returned. */
  async #claimsWhenStale(token: string, genuine: GenuineToken): Promise<Claims> {
    const { claims } = genuine
    switch (this.#deps.settings.whenStale) {
      case 'refuse':
        throw new TokenRefused('stale')
      case 'introspect': {
        const roles = await this.#introspection.currentRoles(token, claims)
        // The feed may have delivered an end during the call.
        this.#requireValidNow(genuine)
        return withRoles(claims, roles)
      }
      case 'accept':
        return claims
    }
  }

  #report(genuine: GenuineToken): void {
    const { receipts, clock, feed } = this.#deps
    const { sid, user_id: userId, gen } = genuine.claims
    genuine.isReported = true
    const seenAtMs = feed.serviceTimeMs() ?? clock.wallMs()
    receipts.add(sid, { userId, gen, seenAtMs, proof: genuine.receiptProof })
  }
}

/** `exp` is the first moment at which the token is no longer valid (RFC 7519, section 4.1.4). */
function requireTime(now: number, expiresAtMs: number, notBeforeMs: number): void {
  if (now >= expiresAtMs) throw new TokenRefused('expired')
  if (now < notBeforeMs) throw new TokenRefused('not_yet_valid')
}

function withRoles(claims: Claims, roles: readonly string[]): Claims {
  const isSame = roles.length === claims.roles.length && roles.every((role, at) => role === claims.roles[at])
  return isSame ? claims : Object.freeze({ ...claims, roles: Object.freeze([...roles]) })
}
