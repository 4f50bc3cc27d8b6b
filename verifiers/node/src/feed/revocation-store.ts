import type { Claims, SessionEnd } from '../token-types.ts'
import { UnreadableRows, type UnreadableRow } from './unreadable-rows.ts'

export interface Revocation extends SessionEnd {
  /** Position in the revocation log. Tells a second change of the same generation from a repeated event. */
  readonly seq: number
  /** If present, the session is live and its tokens up to this generation are refused. If absent, the session ended. */
  readonly upToGeneration?: number
  /** Epoch milliseconds from which none of the affected access tokens is valid. */
  readonly expiresAtMs: number
}

/** Tokens of a live session that are refused because newer ones carry other roles. */
interface Outdated {
  readonly upToGeneration: number
  /** The store's revision after the last change of this session. */
  readonly revision: number
  readonly seq: number
  readonly minute: number
}

const MINUTE_MS = 60_000
/** Few enough to take a negligible time, many enough to keep up with any feed. */
const FORGET_BATCH = 10_000
/** Reasons are a short closed list. Any beyond this number are stored as `ended`. */
const REASON_LIMIT = 32
const UNKNOWN_REASON = 'ended'

/**
 * The ended sessions, and the live ones with refused tokens, each kept until none of those tokens can be valid.
 * Adding is idempotent and commutative and nothing else removes a session, so an ended session never comes back.
 *
 * Built for a million sessions: each has one map entry, whose value is a small integer (expiry minute and reason), and
 * one entry in the list of that minute.
 */
export class RevocationStore {
  readonly #ends = new Map<string, number>()
  readonly #outdated = new Map<string, Outdated>()
  readonly #byMinute = new Map<number, string[]>()
  readonly #reasons: string[] = [UNKNOWN_REASON]
  readonly #unreadable = new UnreadableRows()
  #forgottenUpTo = -Infinity
  #revision = 0

  /** Number of ended sessions. */
  get size(): number {
    return this.#ends.size
  }

  /** Number of live sessions with refused tokens. */
  get outdatedCount(): number {
    return this.#outdated.size
  }

  /** Number of changes of outdated tokens so far. */
  get revision(): number {
    return this.#revision
  }

  /** Returns true if the revocation is new and still matters at `nowMs`, the service's time. */
  add(revocation: Revocation, nowMs: number): boolean {
    const minute = Math.max(0, Math.floor(revocation.expiresAtMs / MINUTE_MS))
    if (endOf(minute) <= nowMs) {
      // Its tokens have expired. They stay expired if the service's clock is set back.
      this.#forgottenUpTo = Math.max(this.#forgottenUpTo, endOf(minute))
      return false
    }
    const { upToGeneration } = revocation
    return upToGeneration === undefined
      ? this.#addEnd(revocation, minute)
      : this.#addOutdated(revocation, upToGeneration, minute)
  }

  /** `nowMs` is the service's time, `arrivedAt` is on the monotonic clock. Returns true if the row is new. */
  addUnreadable(row: UnreadableRow, nowMs: number, arrivedAt: number): boolean {
    const isNew = this.#unreadable.add(row, { nowMs, arrivedAt, revision: this.#revision + 1 })
    if (isNew) this.#revision += 1
    return isNew
  }

  #addEnd({ sid, reason }: Revocation, minute: number): boolean {
    const known = this.#ends.get(sid)
    if (known !== undefined && minuteOf(known) >= minute) return false
    const kept = known === undefined ? this.#reasonIndex(reason) : known % REASON_LIMIT
    this.#ends.set(sid, minute * REASON_LIMIT + kept)
    this.#forgetIn(minute, sid)
    return known === undefined
  }

  /** In any order, the highest generation, the highest seq and the latest expiry win. */
  #addOutdated({ sid, seq }: Revocation, upToGeneration: number, minute: number): boolean {
    const known = this.#outdated.get(sid) ?? NONE
    const isNew = upToGeneration > known.upToGeneration || seq > known.seq
    if (!isNew && minute <= known.minute) return false
    if (isNew) this.#revision += 1
    this.#outdated.set(sid, {
      upToGeneration: Math.max(upToGeneration, known.upToGeneration),
      revision: isNew ? this.#revision : known.revision,
      seq: Math.max(seq, known.seq),
      minute: Math.max(minute, known.minute),
    })
    if (minute > known.minute) this.#forgetIn(minute, sid)
    return isNew
  }

  /** To be called before the rows of another log, which may have other revocations at the same seqs. */
  forgetSeqs(): void {
    for (const [sid, outdated] of this.#outdated) this.#outdated.set(sid, { ...outdated, seq: -1 })
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

  /** The revision of the last change because of which a token with these claims is outdated; undefined if none is. */
  revisionOutdating(claims: Claims): number | undefined {
    const outdated = this.#outdated.get(claims.sid)
    const byRow = this.#unreadable.revisionRefusing(claims)
    if (outdated === undefined || claims.gen > outdated.upToGeneration) return byRow
    return Math.max(outdated.revision, byRow ?? outdated.revision)
  }

  /** Tokens that expire up to this time (epoch milliseconds) must be refused, because ended sessions may be forgotten. */
  get forgottenUpTo(): number {
    return this.#forgottenUpTo
  }

  /** Removes rows that could not be read and came too long ago on the monotonic clock. */
  forgetUnreadable(monotonicMs: number): void {
    this.#unreadable.forget(monotonicMs)
  }

  /** Removes sessions whose tokens have expired at `nowMs`, the service's time; a bounded number per call. */
  forget(nowMs: number): void {
    let left = FORGET_BATCH
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

const NONE: Outdated = { upToGeneration: -1, revision: 0, seq: -1, minute: -1 }

const endOf = (minute: number): number => (minute + 1) * MINUTE_MS
const minuteOf = (end: number): number => Math.floor(end / REASON_LIMIT)
