import { userActor } from '../../domain/actor.ts'
import { dataForUser } from '../../domain/data-for-user.ts'
import type { UserId } from '../../domain/user.ts'
import type { RecordedEntry } from '../ports/audit-log.ts'

/** An entry of the audit log as the user whom it concerns may see it. */
export interface Activity extends Omit<RecordedEntry, 'actor' | 'subject' | 'requestId'> {
  /** Undefined for an attempt by somebody who is not signed in. */
  readonly actor: 'self' | 'operator' | 'system' | undefined
}

/**
 * Without what operators write for each other, and without who they are: no name, address, browser or session of theirs.
 */
export function activityOf(entry: RecordedEntry, userId: UserId): Activity {
  const { id, at, action, result, session, ip, userAgent } = entry
  const actor = actorFor(entry, userId)
  const shown = { id, at, actor, action, result, data: dataForUser(action, entry.data) }
  if (actor === 'self' || actor === undefined) return { ...shown, session, ip, userAgent }
  return action.startsWith('session.') ? { ...shown, session } : shown
}

function actorFor({ actor }: RecordedEntry, userId: UserId): Activity['actor'] {
  if (actor === undefined || actor === 'system') return actor
  return actor === userActor(userId) ? 'self' : 'operator'
}
