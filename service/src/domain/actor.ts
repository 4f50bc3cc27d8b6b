import type { DomainEvent } from './event.ts'
import { SERVICE_NAME } from './service-key.ts'
import { parseUserId, type UserId } from './user.ts'

/** Who makes a change. `system` is the service itself: its background tasks, the import, a restore, its own rules. */
export type Actor = 'system' | `service:${string}` | `user:${number}`

export const SYSTEM: Actor = 'system'

/** Another service or an operator, by the name of its service key. */
export const serviceActor = (name: string): Actor => `service:${name}`

export const userActor = (id: UserId): Actor => `user:${id}`

/** Reads an actor as events and log lines name it; undefined for any other text. */
export function parseActor(text: string): Actor | undefined {
  if (text === SYSTEM) return SYSTEM
  const [kind, name = '', more] = text.split(':')
  if (more !== undefined) return undefined
  if (kind === 'service') return SERVICE_NAME.test(name) ? serviceActor(name) : undefined
  const userId = kind === 'user' ? parseUserId(name) : undefined
  return userId && userActor(userId)
}

/** The user who acts; undefined for a service and the system. */
export const userOf = (actor: Actor): UserId | undefined =>
  actor.startsWith('user:') ? parseUserId(actor.slice('user:'.length)) : undefined

/** The actor of a transaction that creates a user for the user's own request: the user, who has no id before. */
export const NEW_USER = 'new_user'

export type Author = Actor | typeof NEW_USER

/** Who made the change that the event reports. */
export const actorOf = (author: Author, { userId }: Pick<DomainEvent, 'userId'>): Actor =>
  author === NEW_USER ? userActor(userId) : author
