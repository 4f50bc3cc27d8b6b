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

/** The longest `ACCESS_TOKEN_TTL` of the service. After it, no token is left that the row could have meant. */
const KEPT_MS = 86_400_000
/** How far the clocks of two instances may be apart. */
const CLOCK_SKEW_MS = 1_000

interface Refused {
  /** Tokens issued up to this time (epoch milliseconds) are refused. */
  readonly issuedUpToMs: number
  readonly revision: number
}

/**
 * Refuses the tokens that users have when an unreadable row arrives. The row may say anything, but it concerns only tokens
 * issued before: the service considers it when it issues later ones. So a refresh shows whether the session has ended.
 */
export class UnreadableRows {
  readonly #expiryByRow = new Map<string, number>()
  readonly #refused = new Map<number | string, Refused>()

  /** Returns true if the row is new. */
  add({ fingerprint, userId, sid }: UnreadableRow, nowMs: number, revision: number): boolean {
    if (this.#expiryByRow.has(fingerprint)) return false
    this.#expiryByRow.set(fingerprint, nowMs + KEPT_MS)
    const subject = userId ?? sid
    if (subject === undefined) return true
    const before = this.#refused.get(subject)?.issuedUpToMs ?? -Infinity
    this.#refused.set(subject, { issuedUpToMs: Math.max(before, nowMs + CLOCK_SKEW_MS), revision })
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

  forget(nowMs: number): void {
    for (const [row, expiresAtMs] of this.#expiryByRow) {
      // In the order of their arrival.
      if (expiresAtMs > nowMs) break
      this.#expiryByRow.delete(row)
    }
    for (const [subject, { issuedUpToMs }] of this.#refused) {
      if (issuedUpToMs + KEPT_MS <= nowMs) this.#refused.delete(subject)
    }
  }
}
