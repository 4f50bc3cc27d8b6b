import { readClaims, type CheckedClaims } from './claims.ts'
import type { Clock } from './clock.ts'
import type { EndedSessions } from './ended-sessions.ts'
import type { KeySource } from './key-set.ts'
import type { Settings } from './options.ts'
import type { Receipts } from './receipts.ts'
import { Introspection, redeemAtService, type ServiceCallsDeps } from './service-calls.ts'
import { TokenChecks, type GenuineToken } from './token-checks.ts'
import { TokenRefused } from './token-refused.ts'
import type { Claims } from './types.ts'
import { VerifierCounts } from './verifier-counts.ts'

interface LocalVerifierDeps {
  readonly settings: Settings
  readonly clock: Clock
  readonly keys: KeySource
  readonly sessions: EndedSessions
  readonly receipts: Receipts
  readonly calls: ServiceCallsDeps
}

/** Judges tokens by what is known here, and asks the service only where the settings or a ticket call for it. */
export class LocalVerifier {
  readonly counts = new VerifierCounts()
  readonly #deps: LocalVerifierDeps
  readonly #checks: TokenChecks
  readonly #introspection: Introspection
  /** Of redeemed claims: the place of the last news before the service was asked. They have the roles from after it. */
  readonly #askedAfter = new WeakMap<Claims, number>()

  constructor(deps: LocalVerifierDeps) {
    this.#deps = deps
    this.#checks = new TokenChecks(deps.keys, deps.settings, deps.settings.cacheSize)
    this.#introspection = new Introspection(deps.calls)
  }

  get rememberedCount(): number {
    return this.#checks.rememberedCount
  }

  async verify(token: string): Promise<Claims> {
    try {
      const recalled = this.#checks.recall(token)
      const genuine = recalled ?? this.#checks.examine(token) ?? (await this.#examineWithNewKeys(token))
      this.#judge(genuine)
      if (recalled === undefined) this.#checks.remember(token, genuine)
      const claims = this.#deps.sessions.isFresh() ? genuine.claims : await this.#judgeStale(token, genuine)
      if (!genuine.isReported) this.#report(genuine)
      this.counts.verified += 1
      if (recalled !== undefined) this.counts.cacheHits += 1
      return claims
    } catch (error) {
      this.counts.noteRefusal(error)
      throw error
    }
  }

  async redeemTicket(ticket: string, origin?: string): Promise<Claims> {
    const { sessions, calls, settings } = this.#deps
    const askedAfter = sessions.lastOutdatedPlace
    try {
      const checked = readClaims(await redeemAtService(calls, ticket, origin), settings)
      this.#askedAfter.set(checked.claims, askedAfter)
      // The service was asked just now, so nothing is stale; what the feed told meanwhile counts.
      this.#judge(checked)
      return checked.claims
    } catch (error) {
      this.counts.noteRefusal(error)
      throw error
    }
  }

  async #examineWithNewKeys(token: string): Promise<GenuineToken> {
    const { keys } = this.#deps
    const isAnswered = await keys.refresh()
    const genuine = this.#checks.examine(token)
    if (genuine !== undefined) return genuine
    // Without an answer, it may be a good key that we could not hear of: nothing to sign in anew for.
    throw new TokenRefused(isAnswered ? 'unknown_key' : 'unavailable')
  }

  /** Newer tokens of the session may say something else. */
  isOutdated(claims: Claims): boolean {
    const outdated = this.#deps.sessions.outdatedTokensOf(claims.sid)
    if (outdated === undefined || claims.gen > outdated.upToGeneration) return false
    return outdated.place > (this.#askedAfter.get(claims) ?? -Infinity)
  }

  #judge({ claims, expiresAtMs, notBeforeMs }: CheckedClaims): void {
    const { sessions } = this.#deps
    const now = this.#now()
    // `exp` is the first moment at which a token is no longer good (RFC 7519, section 4.1.4).
    if (now >= expiresAtMs || expiresAtMs <= sessions.forgottenUpTo) throw new TokenRefused('expired')
    if (now < notBeforeMs) throw new TokenRefused('not_yet_valid')
    const reason = sessions.reasonOf(claims.sid)
    if (reason !== undefined) throw new TokenRefused('session_ended', { reason })
    if (this.isOutdated(claims)) throw new TokenRefused('token_outdated')
  }

  /** The service's time; before it is known, our own counts only where nobody else is asked. */
  #now(): number {
    const { settings, sessions, clock } = this.#deps
    return sessions.serviceTimeMs() ?? (settings.whenStale === 'accept' ? clock.wallMs() : NaN)
  }

  /** Answers the claims, with the roles as they are where the service was asked for them. */
  async #judgeStale(token: string, genuine: GenuineToken): Promise<Claims> {
    const { claims } = genuine
    switch (this.#deps.settings.whenStale) {
      case 'refuse':
        throw new TokenRefused('stale')
      case 'introspect': {
        const roles = await this.#introspection.currentRoles(token, claims)
        // The feed may have told more while we asked.
        this.#judge(genuine)
        return withRoles(claims, roles)
      }
      case 'accept':
        return claims
    }
  }

  #report(genuine: GenuineToken): void {
    const { receipts, clock, sessions } = this.#deps
    const { sid, user_id: userId, gen } = genuine.claims
    genuine.isReported = true
    receipts.note(sid, { userId, gen, seenAtMs: sessions.serviceTimeMs() ?? clock.wallMs() })
  }
}

function withRoles(claims: Claims, roles: readonly string[]): Claims {
  const isSo = roles.length === claims.roles.length && roles.every((role, at) => role === claims.roles[at])
  return isSo ? claims : Object.freeze({ ...claims, roles: Object.freeze([...roles]) })
}
