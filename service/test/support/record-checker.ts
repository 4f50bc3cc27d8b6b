// Replays what was acknowledged against the database: what was done stays done, and nothing is half done.
import type { Entry } from './acknowledged-record.ts'
import type { Wrong } from './honest-client.ts'

/** What the record allows a session to be. */
interface SessionAllowed {
  readonly who: string
  /** The newest generation that was acknowledged; nothing below it may be in the database. */
  floor: number
  /** The newest one that was asked for: each is begun by the token of the one before it alone. */
  ceiling: number
  mustBeEnded: boolean
  /** Empty: nobody asked for its end. */
  readonly reasons: Set<string>
}

interface PersonAllowed {
  passwordChanges: { atLeast: number; atMost: number }
  /** Undefined when the record leaves it open. */
  isBanned: boolean | undefined
}

interface Allowed {
  readonly sessions: Map<string, SessionAllowed>
  readonly people: Map<string, PersonAllowed>
}

export interface SessionRow {
  readonly id: string
  readonly generation: number
  readonly end_reason: string | null
  /** Rows of the revocation log that tell of its end, and events of the outbox. */
  readonly revocations: number
  readonly events: number
}

export interface PersonRow {
  readonly username: string
  readonly password_version: number
  readonly is_disabled: boolean
}

/** All rows there are about the people and sessions of a record. */
export interface Rows {
  readonly sessions: readonly SessionRow[]
  readonly people: readonly PersonRow[]
  /** Where nobody wants events, the clean-up removes them. */
  readonly areEventsKept: boolean
}

export type Query = <Row extends object>(text: string, values?: readonly unknown[]) => Promise<Row[]>

export async function readRows(query: Query, entries: readonly Entry[]): Promise<Rows> {
  const names = [[...new Set(entries.map(({ who }) => who))]]
  const people = await query<PersonRow>(
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
  return { sessions, people, areEventsKept: kept.length > 0 }
}

/** Everything in which the rows differ from what the record allows. */
export function contradictions(entries: readonly Entry[], rows: Rows): Wrong[] {
  const allowed = allowedBy(entries)
  const people = new Map(rows.people.map((row) => [row.username, row]))
  const sessions = new Map(rows.sessions.map((row) => [row.id, row]))
  return [
    ...[...allowed.people].flatMap(([name, person]) => wrongsOfPerson(name, person, people.get(name))),
    ...[...allowed.sessions].flatMap(([id, session]) => wrongsOfSession(id, session, sessions.get(id))),
    ...rows.sessions.flatMap((session) => halfDone(session, rows.areEventsKept)),
  ]
}

function allowedBy(entries: readonly Entry[]): Allowed {
  const allowed: Allowed = { sessions: new Map(), people: new Map() }
  for (const entry of entries) {
    if (entry.what === 'registration') {
      const isThere = entry.outcome === 'acknowledged'
      if (isThere)
        allowed.people.set(entry.who, { passwordChanges: { atLeast: 0, atMost: 0 }, isBanned: false })
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
  { sessions, people }: Allowed,
  entry: Exclude<Entry, { what: 'registration' | 'sign-in' }>,
): void {
  const isDone = entry.outcome === 'acknowledged'
  if (entry.what === 'refresh') {
    const session = sessions.get(entry.session)
    if (session === undefined) return
    session.ceiling = Math.max(session.ceiling, entry.generation)
    if (isDone) session.floor = Math.max(session.floor, entry.generation)
    return
  }
  for (const { session: id, reason } of entry.ends) {
    const session = sessions.get(id)
    session?.reasons.add(reason)
    if (session !== undefined && isDone) session.mustBeEnded = true
  }
  const person = people.get(entry.who)
  if (person === undefined) return
  if (entry.what === 'ban') person.isBanned = isDone || (person.isBanned === true ? true : undefined)
  if (entry.what !== 'password-change') return
  person.passwordChanges.atMost += 1
  if (isDone) person.passwordChanges.atLeast += 1
}

function wrongsOfPerson(name: string, allowed: PersonAllowed, row: PersonRow | undefined): Wrong[] {
  if (row === undefined) return [lost(`${name} was registered and is not there`)]
  const wrongs: Wrong[] = []
  const changes = row.password_version - 1
  const { atLeast, atMost } = allowed.passwordChanges
  if (changes < atLeast) wrongs.push(lost(`${name} changed the password and has the old one`))
  if (changes > atMost) wrongs.push(other(`${name} has a password that nobody asked for`))
  if (allowed.isBanned === true && !row.is_disabled) wrongs.push(lost(`${name} was banned and is not`))
  if (allowed.isBanned === false && row.is_disabled) wrongs.push(other(`${name} is banned and never was`))
  return wrongs
}

function wrongsOfSession(id: string, allowed: SessionAllowed, row: SessionRow | undefined): Wrong[] {
  if (row === undefined) return [lost(`session ${id} of ${allowed.who} was started and is not there`)]
  const wrongs: Wrong[] = []
  const { generation, end_reason: reason } = row
  const { floor, ceiling } = allowed
  if (generation < floor) wrongs.push(lost(`session ${id} was refreshed to ${floor} and is at ${generation}`))
  if (generation > ceiling) {
    wrongs.push(other(`session ${id} is at ${generation}, and nobody asked for more than ${ceiling}`))
  }
  if (allowed.mustBeEnded && reason === null) wrongs.push(lost(`session ${id} was ended and lives`))
  if (reason !== null && !allowed.reasons.has(reason)) {
    wrongs.push({ kind: 'false logout', what: `session ${id} ended as ${reason}` })
  }
  return wrongs
}

/** An end, its place in the revocation log and its event are there together or not at all. */
function halfDone(row: SessionRow, areEventsKept: boolean): Wrong[] {
  const { id, end_reason: reason, revocations, events } = row
  const wanted = reason === null ? 0 : 1
  const isTold = events === wanted || (events === 0 && !areEventsKept)
  if (revocations === wanted && isTold) return []
  const what = `session ${id}, ${reason ?? 'live'}, has ${revocations} revocations and ${events} events`
  // Without its revocation the end that was acknowledged is none to the verifiers.
  return [wanted === 1 && revocations === 0 ? lost(what) : other(what)]
}

const lost = (what: string): Wrong => ({ kind: 'lost', what })
const other = (what: string): Wrong => ({ kind: 'other', what })
