import type {
  AuditEntry,
  AuditLog,
  AuditQuery,
  RecordedEntry,
} from '../../src/application/ports/audit-log.ts'
import { userActor, userOf, type Actor } from '../../src/domain/actor.ts'
import type { DomainEvent } from '../../src/domain/event.ts'
import type { SessionId } from '../../src/domain/session.ts'
import { isDeleted, type UserId } from '../../src/domain/user.ts'
import { currentOrigin } from '../../src/infrastructure/context/request-origin.ts'
import { contains, type InTurn, type Read, type World } from './fake-world.ts'

/** The audit log of the fake store. */
export const fakeAuditLog = (read: Read, inTurn: InTurn): AuditLog => ({
  page: (query) =>
    read(({ audit }) =>
      audit
        .filter((entry) => matches(entry, query))
        .toSorted((a, b) => +b.at - +a.at || b.id - a.id)
        .slice(0, query.limit),
    ),

  add: (entries) =>
    inTurn(({ audit, users }) =>
      record(
        audit,
        entries.map((entry) => {
          if (isGone(users, entry.subject)) return forgotten(entry)
          return entry.actor !== undefined && isGone(users, userOf(entry.actor)) ? withoutPlace(entry) : entry
        }),
      ),
    ),
})

const isGone = (users: World['users'], id: UserId | undefined): boolean => {
  if (id === undefined) return false
  const user = users.get(id)
  return user === undefined || isDeleted(user)
}

function matches(entry: RecordedEntry, query: AuditQuery): boolean {
  const { subject, actor, action, ip, since, until, before } = query
  const isAt = (address: string | undefined): boolean =>
    address !== undefined && (ip?.includes('/') === true ? contains(ip, address) : ip === address)
  return (
    (subject === undefined || entry.subject === subject) &&
    (actor === undefined || entry.actor === actor) &&
    (action === undefined || entry.action === action) &&
    (ip === undefined || isAt(entry.ip)) &&
    (since === undefined || entry.at >= since) &&
    (until === undefined || entry.at < until) &&
    (before === undefined || entry.at < before.at || (+entry.at === +before.at && entry.id < before.id))
  )
}

export function record(log: RecordedEntry[], entries: readonly AuditEntry[]): void {
  for (const entry of entries) log.push({ ...entry, id: log.length + 1 })
}

export function forgetInAudit(log: RecordedEntry[], userId: UserId): void {
  const kept = log.map((entry) => {
    if (entry.subject === userId) return { ...forgotten(entry), id: entry.id }
    return entry.actor === userActor(userId) ? { ...withoutPlace(entry), id: entry.id } : entry
  })
  log.splice(0, Infinity, ...kept)
}

const withoutPlace = (entry: AuditEntry): AuditEntry => ({ ...entry, ip: undefined, userAgent: undefined })

const forgotten = (entry: AuditEntry): AuditEntry => ({ ...withoutPlace(entry), data: {} })

/** The entry of an event that is written to the outbox. */
export function entryOf({ type, userId, occurredAt, data }: DomainEvent, actor: Actor): AuditEntry {
  const origin = currentOrigin()
  const { session_id: session, ...rest } = data as { session_id?: SessionId }
  return {
    at: occurredAt,
    actor,
    action: type,
    subject: userId,
    session: session ?? origin?.session,
    ip: origin?.ip,
    userAgent: origin?.userAgent,
    requestId: origin?.requestId,
    result: 'success',
    data: rest,
  }
}
