// The rules of a session, written again as simply as possible to check the service against them. Nothing here is
// taken from the service. Times are milliseconds.

export interface Rules {
  readonly windowMs: number
  /** Whether an unused pair may be repeated, however late. */
  readonly receipts: boolean
  readonly idleMs: number
  readonly absoluteMs: number
  readonly accessMs: number
}

export interface SessionState {
  readonly generation: number
  /** Tokens of earlier generations were withdrawn. */
  readonly oldest: number
  readonly confirmed: number
  readonly rotatedAt: number
  readonly idleUntil: number
  readonly until: number
  readonly ended: string | undefined
}

export const started = (now: number, rules: Rules): SessionState => ({
  generation: 0,
  oldest: 0,
  confirmed: 0,
  rotatedAt: now,
  idleUntil: Math.min(now + rules.idleMs, now + rules.absoluteMs),
  until: now + rules.absoluteMs,
  ended: undefined,
})

/** Why the session is over; undefined while it lives. */
export function overBecause(session: SessionState, now: number): string | undefined {
  if (session.ended !== undefined) return session.ended
  return now >= session.idleUntil || now >= session.until ? 'expired' : undefined
}

export const endedAs = (session: SessionState, reason: string, now: number): SessionState =>
  overBecause(session, now) === undefined ? { ...session, ended: reason } : session

/** The session after a reported use of an access token of `generation`. */
export const confirmed = (session: SessionState, generation: number): SessionState =>
  session.ended === undefined && generation <= session.generation
    ? { ...session, confirmed: Math.max(session.confirmed, generation) }
    : session

/** The live session after its user changed the password on it. */
export const renewed = (session: SessionState, now: number, rules: Rules): SessionState => ({
  ...session,
  generation: session.generation + 1,
  oldest: session.generation + 1,
  rotatedAt: now,
  idleUntil: Math.min(now + rules.idleMs, session.until),
})

/** `tokens <n>`: the pair of that generation was handed out; otherwise the error's code, with its reason. */
export type Outcome =
  `tokens ${number}` | 'invalid_refresh_token' | 'refresh_token_reused' | `session_ended ${string}`

export interface Step {
  readonly outcome: Outcome
  readonly after: SessionState
}

/** The table: what becomes of a refresh token of generation `presented`. */
export function presented(session: SessionState, presented: number, now: number, rules: Rules): Step {
  const unchanged = (outcome: Outcome): Step => ({ outcome, after: session })
  const over = overBecause(session, now)
  if (over !== undefined) return unchanged(`session_ended ${over}`)
  if (presented < session.oldest) return unchanged('invalid_refresh_token')
  // A newer token than the session's own is genuine too: the database was set back.
  if (presented >= session.generation) {
    const idleUntil = Math.min(now + rules.idleMs, session.until)
    const after = { ...session, generation: presented + 1, rotatedAt: now, idleUntil }
    return { outcome: `tokens ${after.generation}`, after }
  }
  if (presented === session.generation - 1 && mayBeRepeated(session, now, rules)) {
    return unchanged(`tokens ${session.generation}`)
  }
  return { outcome: 'refresh_token_reused', after: { ...session, ended: 'refresh_token_reused' } }
}

export const isInWindow = (session: SessionState, now: number, { windowMs }: Rules): boolean =>
  windowMs > 0 && now - session.rotatedAt <= windowMs

const mayBeRepeated = (session: SessionState, now: number, rules: Rules): boolean =>
  isInWindow(session, now, rules) || (rules.receipts && session.confirmed < session.generation)
