// Compares the acknowledged operations with the database: they must still be there, and none may be half done.
import type { Entry } from './acknowledged-record.ts'
import type { Violation } from './checking-client.ts'

/** The states that the record allows for a session. */
interface SessionAllowed {
  readonly who: string
  /** The newest acknowledged generation. The database must not be below it. */
  floor: number
  /** The newest requested generation. Only the token of one generation can start the next. */
  ceiling: number
  mustBeEnded: boolean
  /** The reasons of all requested ends; empty if there was no request. */
  readonly reasons: Set<string>
}

interface UserAllowed {
  passwordChanges: { atLeast: number; atMost: number }
  /** Undefined if the record does not show it. */
  isBanned: boolean | undefined
}

interface Allowed {
  readonly sessions: Map<string, SessionAllowed>
  readonly users: Map<string, UserAllowed>
}

export interface SessionRow {
  readonly id: string
  readonly generation: number
  readonly end_reason: string | null
  /** The number of rows in the revocation log and of events in the outbox about its end. */
  readonly revocations: number
  readonly events: number
}

export interface UserRow {
  readonly username: string
  readonly password_version: number
  readonly is_disabled: boolean
}

/** All rows about the users and sessions of a record. */
export interface Rows {
  readonly sessions: readonly SessionRow[]
  readonly users: readonly UserRow[]
  /** The clean-up removes events that have no receiver. */
  readonly areEventsKept: boolean
}

export type Query = <Row extends object>(text: string, values?: readonly unknown[]) => Promise<Row[]>

export async function readRows(query: Query, entries: readonly Entry[]): Promise<Rows> {
  const names = [[...new Set(entries.map(({ who }) => who))]]
  const users = await query<UserRow>(
    `select username, password_version, disabled_at is not null as is_disabled
     from users where username = any($1)`,
    names,
  )
  const sessions = await query<SessionRow>(
    `with told as (
       select data->>'session_id' as id, count(*)::int as events
       from outbox where type = 'session.ended' group by 1
     ), revoked as (
       select session_id as id, count(*)::int as revocations
       from revocations where up_to_generation is null group by 1
     )
     select sessions.id, generation, end_reason,
       coalesce(revocations, 0) as revocations, coalesce(events, 0) as events
     from users join sessions on sessions.user_id = users.id
       left join told on told.id = sessions.id::text
       left join revoked on revoked.id = sessions.id
     where username = any($1)`,
    names,
  )
  const kept = await query('select from deliveries limit 1')
  return { sessions, users, areEventsKept: kept.length > 0 }
}

/** Lists every difference between the rows and what the record allows. */
export function findViolations(entries: readonly Entry[], rows: Rows): Violation[] {
  const allowed = allowedBy(entries)
  const userRows = new Map(rows.users.map((row) => [row.username, row]))
  const sessions = new Map(rows.sessions.map((row) => [row.id, row]))
  return [
    ...[...allowed.users].flatMap(([name, user]) => violationsOfUser(name, user, userRows.get(name))),
    ...[...allowed.sessions].flatMap(([id, session]) => violationsOfSession(id, session, sessions.get(id))),
    ...rows.sessions.flatMap((session) => halfDone(session, rows.areEventsKept)),
  ]
}

function allowedBy(entries: readonly Entry[]): Allowed {
  const allowed: Allowed = { sessions: new Map(), users: new Map() }
  for (const entry of entries) {
    if (entry.what === 'registration') {
      const isThere = entry.outcome === 'acknowledged'
      if (isThere)
        allowed.users.set(entry.who, { passwordChanges: { atLeast: 0, atMost: 0 }, isBanned: false })
    } else if (entry.what === 'sign-in') startSession(allowed, entry)
    else if (entry.outcome !== 'refused') apply(allowed, entry)
  }
  return allowed
}

function startSession({ sessions }: Allowed, { who, session, outcome }: Entry & { session?: string }): void {
  if (session === undefined || outcome !== 'acknowledged') return
  sessions.set(session, { who, floor: 0, ceiling: 0, mustBeEnded: false, reasons: new Set() })
}

function apply(
  { sessions, users }: Allowed,
  entry: Exclude<Entry, { what: 'registration' | 'sign-in' }>,
): void {
  const isDone = entry.outcome === 'acknowledged'
  if (entry.what === 'refresh') {
    const session = sessions.get(entry.session)
    if (session === undefined) return
    raise(session, entry.generation, isDone)
    return
  }
  const renewed = entry.renews && sessions.get(entry.renews.session)
  if (entry.renews !== undefined && renewed !== undefined) raise(renewed, entry.renews.generation, isDone)
  for (const { session: id, reason } of entry.ends) {
    const session = sessions.get(id)
    session?.reasons.add(reason)
    if (session !== undefined && isDone) session.mustBeEnded = true
  }
  const user = users.get(entry.who)
  if (user === undefined) return
  if (entry.what === 'ban') user.isBanned = isDone || (user.isBanned === true ? true : undefined)
  if (entry.what !== 'password-change') return
  user.passwordChanges.atMost += 1
  if (isDone) user.passwordChanges.atLeast += 1
}

function raise(session: SessionAllowed, generation: number, isDone: boolean): void {
  session.ceiling = Math.max(session.ceiling, generation)
  if (isDone) session.floor = Math.max(session.floor, generation)
}

function violationsOfUser(name: string, allowed: UserAllowed, row: UserRow | undefined): Violation[] {
  if (row === undefined) return [lost(`${name} was registered and is missing`)]
  const violations: Violation[] = []
  const changes = row.password_version - 1
  const { atLeast, atMost } = allowed.passwordChanges
  if (changes < atLeast) violations.push(lost(`${name} changed the password but has the old one`))
  if (changes > atMost) violations.push(other(`${name} has a new password without a request`))
  if (allowed.isBanned === true && !row.is_disabled)
    violations.push(lost(`${name} was banned but is not disabled`))
  if (allowed.isBanned === false && row.is_disabled)
    violations.push(other(`${name} is disabled but was never banned`))
  return violations
}

function violationsOfSession(id: string, allowed: SessionAllowed, row: SessionRow | undefined): Violation[] {
  if (row === undefined) return [lost(`session ${id} of ${allowed.who} was started and is missing`)]
  const violations: Violation[] = []
  const { generation, end_reason: reason } = row
  const { floor, ceiling } = allowed
  if (generation < floor)
    violations.push(lost(`session ${id} was refreshed to ${floor} but is at ${generation}`))
  if (generation > ceiling) {
    violations.push(other(`session ${id} is at ${generation}, but the newest request was for ${ceiling}`))
  }
  if (allowed.mustBeEnded && reason === null) violations.push(lost(`session ${id} was ended but is live`))
  if (reason !== null && !allowed.reasons.has(reason)) {
    violations.push({ kind: 'false logout', what: `session ${id} ended as ${reason}` })
  }
  return violations
}

/** An end, its row in the revocation log and its event exist together or not at all. */
function halfDone(row: SessionRow, areEventsKept: boolean): Violation[] {
  const { id, end_reason: reason, revocations, events } = row
  const wanted = reason === null ? 0 : 1
  const isReported = events === wanted || (events === 0 && !areEventsKept)
  if (revocations === wanted && isReported) return []
  const what = `session ${id}, ${reason ?? 'live'}, has ${revocations} revocations and ${events} events`
  // Verifiers do not see an acknowledged end that has no revocation, so it counts as lost.
  return [wanted === 1 && revocations === 0 ? lost(what) : other(what)]
}

const lost = (what: string): Violation => ({ kind: 'lost', what })
const other = (what: string): Violation => ({ kind: 'other', what })
