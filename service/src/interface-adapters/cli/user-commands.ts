import type { z } from 'zod'
import type { inspectedUser, inspectedUsers } from '../http/people-schemas.ts'
import { address, demandConfirmation, type Command, type Surroundings } from './command.ts'
import { table, time, words } from './table.ts'
import { printable } from './text.ts'

export type InspectedUser = z.infer<typeof inspectedUser>
type FoundUsers = z.infer<typeof inspectedUsers>

export interface FindUsersInput {
  readonly name: string | undefined
  readonly email: string | undefined
  readonly id: string | undefined
  readonly limit: number | undefined
  readonly cursor: string | undefined
}

export const findUsers =
  ({ id, name: username, email, limit, cursor }: FindUsersInput): Command =>
  async (surroundings) => {
    const found =
      id === undefined
        ? ((await surroundings.call(
            'GET',
            address('/v1/users', { username, email, limit, cursor }),
          )) as FoundUsers)
        : { items: [await readUser(surroundings, id)], next_cursor: null }
    return { json: found, text: usersTable(found.items) + more(found.next_cursor) }
  }

export const disableUser =
  ({ id, reason, yes }: { id: string; reason: string; yes: boolean }): Command =>
  async (surroundings) => {
    await demandConfirmation(surroundings, yes, async () => {
      const user = await readUser(surroundings, id)
      return `Disable ${nameOf(user)}, and end ${sessionsOf(user)}?`
    })
    await surroundings.call('POST', `/v1/users/${id}/disable`, { reason })
    const user = await readUser(surroundings, id)
    return { json: user, text: `${nameOf(user)} is disabled: ${words(user.disabled_reason ?? '')}\n` }
  }

export const enableUser =
  ({ id }: { id: string }): Command =>
  async (surroundings) => {
    await surroundings.call('POST', `/v1/users/${id}/enable`)
    const user = await readUser(surroundings, id)
    return { json: user, text: `${nameOf(user)} may sign in.\n` }
  }

export const setRoles =
  ({ id, roles }: { id: string; roles: readonly string[] }): Command =>
  async (surroundings) => {
    await surroundings.call('PUT', `/v1/users/${id}/roles`, { roles })
    const user = await readUser(surroundings, id)
    return { json: user, text: `Roles of ${nameOf(user)}: ${user.roles.join(', ') || 'none'}\n` }
  }

export const readUser = async ({ call }: Surroundings, id: string): Promise<InspectedUser> =>
  (await call('GET', `/v1/users/${id}`)) as InspectedUser

export const nameOf = ({ id, username }: InspectedUser): string => `${printable(username)} (${id})`

export const sessionsOf = ({ live_sessions: count }: InspectedUser): string =>
  count === 1 ? '1 session' : `${count} sessions`

/** How to get the next page. */
export const more = (cursor: string | null): string =>
  cursor === null ? '' : `\nThere are more: add --cursor ${printable(cursor)}\n`

const usersTable = (users: readonly InspectedUser[]): string =>
  table(
    ['ID', 'USERNAME', 'EMAIL', 'VERIFIED', 'ROLES', 'SESSIONS', 'CREATED', 'DISABLED'],
    users.map((user) => [
      user.id,
      user.username,
      user.email,
      user.email_verified,
      user.roles.join(',') || null,
      user.live_sessions,
      time(user.created_at),
      disabling(user),
    ]),
    'Nobody was found.',
  )

const disabling = ({ disabled_at: at, disabled_reason: reason }: InspectedUser): string | null =>
  at === null ? null : words(`${time(at)}: ${reason ?? ''}`)
