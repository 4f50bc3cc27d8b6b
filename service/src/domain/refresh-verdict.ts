import { endReasonOf, isLive, isWithdrawn, type EndReason, type Session } from './session.ts'

/** Decides when a spent refresh token gets its successor again and is not treated as stolen. */
export interface ReusePolicy {
  /** For this many seconds after a rotation the spent token gets its successor again; 0 switches the window off. */
  readonly windowSeconds: number
  /**
   * `receipts`: also while the new tokens have not been used, because the response may have been lost.
   * `window`: within the window only, the strict reading of RFC 9700, section 4.14.2.
   */
  readonly lostResponse: 'receipts' | 'window'
}

export type RefreshVerdict =
  /** No session matches the token, or the token was withdrawn. Nothing changes. */
  | { readonly kind: 'unknown' }
  /** The session is over. Never counted as theft. */
  | { readonly kind: 'ended'; readonly reason: EndReason }
  /** The current token: the next generation begins. */
  | { readonly kind: 'rotate' }
  /** The previous token, after a lost response or a race: it gets the same successor again. */
  | { readonly kind: 'repeat' }
  /** A token that is newer than the session. We sealed it, so the database was set back: the session follows the token. */
  | { readonly kind: 'roll_forward' }
  /** A spent token that came back: an attacker may hold a copy, so the session ends. */
  | { readonly kind: 'replay' }

/** Decides about a refresh token of generation `presented`. This is the whole table of refresh outcomes. */
export function judgeRefresh(
  session: Session | undefined,
  presented: number,
  policy: ReusePolicy,
  now: Date,
): RefreshVerdict {
  if (session === undefined) return { kind: 'unknown' }
  if (!isLive(session, now)) return { kind: 'ended', reason: endReasonOf(session) }
  // Never a replay: an honest tab may have sent it while another one changed the password.
  if (isWithdrawn(session, presented)) return { kind: 'unknown' }
  if (presented > session.generation) return { kind: 'roll_forward' }
  if (presented === session.generation) return { kind: 'rotate' }
  const isPredecessor = presented === session.generation - 1
  return isPredecessor && mayBeLost(session, policy, now) ? { kind: 'repeat' } : { kind: 'replay' }
}

function mayBeLost(session: Session, policy: ReusePolicy, now: Date): boolean {
  const age = +now - +session.refreshedAt
  if (policy.windowSeconds > 0 && age <= policy.windowSeconds * 1000) return true
  return policy.lostResponse === 'receipts' && session.confirmedGeneration < session.generation
}
