import type { Claims } from '../token-types.ts'

/** A row of the revocation log that this version cannot read, and what it names. */
export interface UnreadableRow {
  /** Tells the row in the next snapshot from other rows. */
  readonly fingerprint: string
  readonly userId?: number
  /** Only if the user cannot be read. */
  readonly sid?: string
  readonly problem: string
}

type Subject = Pick<Claims, 'user_id' | 'sid'>

/**
 * The longest `ACCESS_TOKEN_TTL` of the service. After it, no token is left that the row could have meant. It runs on the
 * monotonic clock: a clock of the service that is ahead for a moment must not end a refusal.
 */
const KEPT_MS = 86_400_000
/** How far the clocks of two instances may be apart. */
const CLOCK_SKEW_MS = 1_000

interface Refused {
  /** Tokens issued up to this time (epoch milliseconds) are refused. */
  readonly issuedUpToMs: number
  readonly revision: number
  /** On the monotonic clock. */
  readonly forgottenAt: number
}

/**
 * Refuses the tokens that users have when an unreadable row arrives. The row may say anything, but it concerns only tokens
 * issued before: the service considers it when it issues later ones. So a refresh shows whether the session has ended.
 */
export class UnreadableRows {
  /** By fingerprint, when the row is forgotten, on the monotonic clock. */
  readonly #rows = new Map<string, number>()
  readonly #refused = new Map<number | string, Refused>()

  /** `nowMs` is the service's time, `arrivedAt` is on the monotonic clock. Returns true if the row is new. */
  add(
    { fingerprint, userId, sid }: UnreadableRow,
    { nowMs, arrivedAt, revision }: { nowMs: number; arrivedAt: number; revision: number },
  ): boolean {
    if (this.#rows.has(fingerprint)) return false
    const forgottenAt = arrivedAt + KEPT_MS + CLOCK_SKEW_MS
    this.#rows.set(fingerprint, forgottenAt)
    const subject = userId ?? sid
    if (subject === undefined) return true
    const before = this.#refused.get(subject)?.issuedUpToMs ?? -Infinity
    const issuedUpToMs = Math.max(before, nowMs + CLOCK_SKEW_MS)
    this.#refused.set(subject, { issuedUpToMs, revision, forgottenAt })
    return true
  }

  /** The revision of the last change because of which a token is refused. */
  revisionRefusing({ sid, user_id: userId, iat }: Subject & Pick<Claims, 'iat'>): number | undefined {
    if (this.#refused.size === 0) return undefined
    const revisions = [this.#refused.get(userId), this.#refused.get(sid)].flatMap((refused) =>
      refused !== undefined && iat * 1000 <= refused.issuedUpToMs ? [refused.revision] : [],
    )
    return revisions.length === 0 ? undefined : Math.max(...revisions)
  }

  /** `monotonicMs` is on the monotonic clock. */
  forget(monotonicMs: number): void {
    for (const [row, forgottenAt] of this.#rows) {
      // In the order of their arrival.
      if (forgottenAt > monotonicMs) break
      this.#rows.delete(row)
    }
    for (const [subject, { forgottenAt }] of this.#refused) {
      if (forgottenAt <= monotonicMs) this.#refused.delete(subject)
    }
  }
}
