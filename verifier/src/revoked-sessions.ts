import type { SessionEnd } from './types.ts'

export interface Revocation extends SessionEnd {
  /** Epoch milliseconds: no access token of the session is valid from then on. */
  readonly expiresAtMs: number
}

const MINUTE_MS = 60_000
/** Few enough to take no noticeable time, many enough to keep up with any feed. */
const FORGET_AT_ONCE = 10_000
/** Reasons are a short closed list; a feed that invents more gets the last one. */
const REASON_LIMIT = 32
const UNKNOWN_REASON = 'ended'

/**
 * The ids of ended sessions, each kept until no token of it can be valid. Adding is idempotent and commutative, and
 * nothing else takes an id out, so a terminated session never comes back.
 *
 * Made for a million ids: one entry in one map, whose value is a small integer (minute of expiry and reason), and the
 * id once more in the list of that minute.
 */
export class RevokedSessions {
  readonly #ends = new Map<string, number>()
  readonly #byMinute = new Map<number, string[]>()
  readonly #reasons: string[] = [UNKNOWN_REASON]
  #forgottenUpTo = -Infinity

  get size(): number {
    return this.#ends.size
  }

  /** True when the end was not known and still matters at `nowMs`, the service's time. */
  add({ sid, reason, expiresAtMs }: Revocation, nowMs: number): boolean {
    const minute = Math.max(0, Math.floor(expiresAtMs / MINUTE_MS))
    if (endOf(minute) <= nowMs) {
      // Its tokens have expired. Should the service's time be set back, they stay so.
      this.#forgottenUpTo = Math.max(this.#forgottenUpTo, endOf(minute))
      return false
    }
    const known = this.#ends.get(sid)
    if (known !== undefined && minuteOf(known) >= minute) return false
    const kept = known === undefined ? this.#reasonIndex(reason) : known % REASON_LIMIT
    this.#ends.set(sid, minute * REASON_LIMIT + kept)
    const others = this.#byMinute.get(minute)
    if (others === undefined) this.#byMinute.set(minute, [sid])
    else others.push(sid)
    return known === undefined
  }

  has(sid: string): boolean {
    return this.#ends.has(sid)
  }

  reasonOf(sid: string): string | undefined {
    const end = this.#ends.get(sid)
    return end === undefined ? undefined : this.#reasons[end % REASON_LIMIT]
  }

  /** Tokens that expire up to here (epoch milliseconds) are to be refused whatever the time: ids may be forgotten. */
  get forgottenUpTo(): number {
    return this.#forgottenUpTo
  }

  /** Lets go of ids whose time has passed at `nowMs`, the service's time; a bounded number with each call. */
  forget(nowMs: number): void {
    let left = FORGET_AT_ONCE
    for (const [minute, sids] of this.#byMinute) {
      if (endOf(minute) > nowMs) continue
      this.#forgottenUpTo = Math.max(this.#forgottenUpTo, endOf(minute))
      for (; left > 0 && sids.length > 0; left -= 1) this.#forgetOne(sids.pop(), minute)
      if (sids.length > 0) return
      this.#byMinute.delete(minute)
    }
  }

  #forgetOne(sid: string | undefined, minute: number): void {
    if (sid === undefined) return
    const end = this.#ends.get(sid)
    // Another revocation of the same session may have moved it to a later minute.
    if (end !== undefined && minuteOf(end) === minute) this.#ends.delete(sid)
  }

  #reasonIndex(reason: string): number {
    const index = this.#reasons.indexOf(reason)
    if (index !== -1) return index
    return this.#reasons.length < REASON_LIMIT ? this.#reasons.push(reason) - 1 : 0
  }
}

const endOf = (minute: number): number => (minute + 1) * MINUTE_MS
const minuteOf = (end: number): number => Math.floor(end / REASON_LIMIT)
