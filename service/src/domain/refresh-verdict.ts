import { endReasonOf, isLive, type EndReason, type Session } from './session.ts'

/** When a spent refresh token is answered again instead of being taken for stolen. */
export interface ReusePolicy {
  /** For so long after a rotation its token is answered again; 0 switches the window off. */
  readonly windowSeconds: number
  /**
   * `receipts`: also whenever nobody has used what the rotation handed out, so its answer was lost.
   * `window`: within the window only, the strict reading of RFC 9700, section 4.14.2.
   */
  readonly lostAnswer: 'receipts' | 'window'
}

export type RefreshVerdict =
  /** Nothing such a token could belong to; nothing changes. */
  | { readonly kind: 'unknown' }
  /** The session is over. Never counted as theft. */
  | { readonly kind: 'ended'; readonly reason: EndReason }
  /** The current token: the next generation begins. */
  | { readonly kind: 'rotate' }
  /** The token before it, whose answer was lost or raced: the same successor again. */
  | { readonly kind: 'repeat' }
  /** A spent token: somebody holds a copy, so the session ends. */
  | { readonly kind: 'replay' }

/** What becomes of a refresh token of generation `presented`; the whole table of refresh outcomes. */
export function judgeRefresh(
  session: Session | undefined,
  presented: number,
  policy: ReusePolicy,
  now: Date,
): RefreshVerdict {
  if (session === undefined || presented > session.generation) return { kind: 'unknown' }
  if (!isLive(session, now)) return { kind: 'ended', reason: endReasonOf(session) }
  if (presented === session.generation) return { kind: 'rotate' }
  const isPredecessor = presented === session.generation - 1
  return isPredecessor && mayBeLost(session, policy, now) ? { kind: 'repeat' } : { kind: 'replay' }
}

function mayBeLost(session: Session, policy: ReusePolicy, now: Date): boolean {
  const age = +now - +session.refreshedAt
  if (policy.windowSeconds > 0 && age <= policy.windowSeconds * 1000) return true
  return policy.lostAnswer === 'receipts' && session.confirmedGeneration < session.generation
}
