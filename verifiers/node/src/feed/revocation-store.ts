import type { SessionEnd } from './types.ts'

export interface Revocation extends SessionEnd {
  /** Its place in the log: tells another change of the same generation from the same one told again. */
  readonly seq: number
  /** There when the session goes on: its tokens up to this generation are refused. Left out, it is over. */
  readonly upToGeneration?: number
  /** Epoch milliseconds: none of those access tokens is valid from then on. */
  readonly expiresAtMs: number
}

/** Tokens of a session that goes on, which are refused because newer ones say something else. */
export interface OutdatedTokens {
  readonly upToGeneration: number
  /** The how-manieth such news was the last of this session. */
  readonly place: number
}

interface Outdated extends OutdatedTokens {
  readonly seq: number
  readonly minute: number
}

const MINUTE_MS = 60_000
/** Few enough to take no noticeable time, many enough to keep up with any feed. */
const FORGET_AT_ONCE = 10_000
/** Reasons are a short closed list; a feed that invents more gets the last one. */
const REASON_LIMIT = 32
const UNKNOWN_REASON = 'ended'

/**
 * The ids of ended sessions, and of those whose older tokens are refused, each kept until none of the tokens can be valid.
 * Adding is idempotent and commutative, and nothing else takes an id out, so a terminated session never comes back.
 *
 * Made for a million ids: one entry in one map, whose value is a small integer (minute of expiry and reason), and the
 * id once more in the list of that minute.
 */
export class RevokedSessions {
  readonly #ends = new Map<string, number>()
  readonly #outdated = new Map<string, Outdated>()
  readonly #byMinute = new Map<number, string[]>()
  readonly #reasons: string[] = [UNKNOWN_REASON]
  #forgottenUpTo = -Infinity
  #lastPlace = 0

  /** How many sessions are known to have ended. */
  get size(): number {
    return this.#ends.size
  }

  /** Of how many sessions older tokens are refused. */
  get outdatedCount(): number {
    return this.#outdated.size
  }

  /** How often tokens were outdated so far: the `place` of the last time. */
  get lastPlace(): number {
    return this.#lastPlace
  }

  /** True when it was not known and still matters at `nowMs`, the service's time. */
  add(revocation: Revocation, nowMs: number): boolean {
    const minute = Math.max(0, Math.floor(revocation.expiresAtMs / MINUTE_MS))
    if (endOf(minute) <= nowMs) {
      // Its tokens have expired. Should the service's time be set back, they stay so.
      this.#forgottenUpTo = Math.max(this.#forgottenUpTo, endOf(minute))
      return false
    }
    const { upToGeneration } = revocation
    return upToGeneration === undefined
      ? this.#addEnd(revocation, minute)
      : this.#addOutdated(revocation, upToGeneration, minute)
  }

  #addEnd({ sid, reason }: Revocation, minute: number): boolean {
    const known = this.#ends.get(sid)
    if (known !== undefined && minuteOf(known) >= minute) return false
    const kept = known === undefined ? this.#reasonIndex(reason) : known % REASON_LIMIT
    this.#ends.set(sid, minute * REASON_LIMIT + kept)
    this.#forgetIn(minute, sid)
    return known === undefined
  }

  /** The highest generation, the last row and the latest expiry count, whatever the order. */
  #addOutdated({ sid, seq }: Revocation, upToGeneration: number, minute: number): boolean {
    const known = this.#outdated.get(sid) ?? NONE
    const isNew = upToGeneration > known.upToGeneration || seq > known.seq
    if (!isNew && minute <= known.minute) return false
    if (isNew) this.#lastPlace += 1
    this.#outdated.set(sid, {
      upToGeneration: Math.max(upToGeneration, known.upToGeneration),
      place: isNew ? this.#lastPlace : known.place,
      seq: Math.max(seq, known.seq),
      minute: Math.max(minute, known.minute),
    })
    if (minute > known.minute) this.#forgetIn(minute, sid)
    return isNew
  }

  #forgetIn(minute: number, sid: string): void {
    const others = this.#byMinute.get(minute)
    if (others === undefined) this.#byMinute.set(minute, [sid])
    else others.push(sid)
  }

  has(sid: string): boolean {
    return this.#ends.has(sid)
  }

  reasonOf(sid: string): string | undefined {
    const end = this.#ends.get(sid)
    return end === undefined ? undefined : this.#reasons[end % REASON_LIMIT]
  }

  outdatedTokensOf(sid: string): OutdatedTokens | undefined {
    return this.#outdated.get(sid)
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
    if (this.#outdated.get(sid)?.minute === minute) this.#outdated.delete(sid)
  }

  #reasonIndex(reason: string): number {
    const index = this.#reasons.indexOf(reason)
    if (index !== -1) return index
    return this.#reasons.length < REASON_LIMIT ? this.#reasons.push(reason) - 1 : 0
  }
}

const NONE: Outdated = { upToGeneration: -1, place: 0, seq: -1, minute: -1 }

const endOf = (minute: number): number => (minute + 1) * MINUTE_MS
const minuteOf = (end: number): number => Math.floor(end / REASON_LIMIT)
