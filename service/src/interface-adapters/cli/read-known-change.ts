import type { KnownChange } from '../../application/sessions/repeat-changes.ts'
import type { NewBan } from '../../application/users/impose-ban.ts'
import { END_REASONS, parseSessionId, type EndReason } from '../../domain/session.ts'
import { parseUserId } from '../../domain/user.ts'

/** Reads a line of the service's log, or an event as webhooks get it. Undefined if it is about something else. */
export function readKnownChange(line: string): KnownChange | undefined {
  const { type, data } = fieldsOf(line)
  const userId = parseUserId(Number(data['user_id']))
  const id = parseSessionId(String(data['session_id']))
  const reason = typeof data['reason'] === 'string' ? data['reason'] : ''
  if (userId === undefined) return undefined
  switch (type) {
    case 'session.ended':
      if (id === undefined || !isEndReason(reason) || reason === 'expired') return undefined
      return { kind: 'ended', userId, id, reason }
    case 'user.disabled':
      return { kind: 'disabled', userId, ban: banOf(reason, data) }
    case 'user.enabled':
      return { kind: 'enabled', userId }
    default:
      return undefined
  }
}

/** An end that cannot be read is left out: a ban that is too long can be lifted. */
function banOf(reason: string, data: Record<string, unknown>): NewBan {
  const { public_reason: publicReason, until } = data
  const end = typeof until === 'string' ? new Date(until) : undefined
  return {
    reason,
    publicReason: typeof publicReason === 'string' ? publicReason : undefined,
    until: end === undefined || Number.isNaN(end.getTime()) ? undefined : end,
  }
}

function fieldsOf(line: string): { type: unknown; data: Record<string, unknown> } {
  try {
    const read = JSON.parse(line) as Record<string, unknown> | null
    if (typeof read?.['event'] === 'string') return { type: read['event'], data: read }
    return { type: read?.['type'], data: (read?.['data'] ?? {}) as Record<string, unknown> }
  } catch {
    return { type: undefined, data: {} }
  }
}

const isEndReason = (text: string): text is EndReason => (END_REASONS as readonly string[]).includes(text)
