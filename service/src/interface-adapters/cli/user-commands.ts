import type { z } from 'zod'
import type { inspectedUser, inspectedUsers } from '../http/operators/inspection-schemas.ts'
import { pathWithQuery, requireConfirmation, type Command, type CommandContext } from './command.ts'
import { shortText, table, time } from './table.ts'
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
  async (context) => {
    const found =
      id === undefined
        ? ((await context.call(
            'GET',
            pathWithQuery('/v1/users', { username, email, limit, cursor }),
          )) as FoundUsers)
        : { items: [await readUser(context, id)], next_cursor: null }
    return { json: found, text: usersTable(found.items) + nextPageHint(found.next_cursor) }
  }

export interface ListUsersInput {
  readonly disabled?: true
  readonly limit?: number
  readonly cursor?: string
}

export const listUsers =
  ({ disabled, limit, cursor }: ListUsersInput): Command =>
  async ({ call }) => {
    const query = { disabled: disabled && 'true', limit, cursor }
    const found = (await call('GET', pathWithQuery('/v1/users', query))) as FoundUsers
    return { json: found, text: usersTable(found.items) + nextPageHint(found.next_cursor) }
  }

export interface DisableUserInput {
  readonly id: string
  readonly reason: string
  readonly publicReason: string | undefined
  /** RFC 3339. */
  readonly until: string | undefined
  readonly yes: boolean
}

export const disableUser =
  ({ id, reason, publicReason, until, yes }: DisableUserInput): Command =>
  async (context) => {
    await requireConfirmation(context, yes, async () => {
      const user = await readUser(context, id)
      const end = until === undefined ? 'without an end' : `until ${until}`
      return `Disable ${nameOf(user)} ${end}, and end ${sessionCount(user)}?`
    })
    await context.call('POST', `/v1/users/${id}/disable`, {
      reason,
      ...(publicReason !== undefined && { public_reason: publicReason }),
      ...(until !== undefined && { until }),
    })
    const user = await readUser(context, id)
    return { json: user, text: `${nameOf(user)} is disabled ${banText(user)}\n` }
  }

export const enableUser =
  ({ id, note }: { id: string; note: string | undefined }): Command =>
  async (context) => {
    await context.call('POST', `/v1/users/${id}/enable`, note === undefined ? undefined : { note })
    const user = await readUser(context, id)
    return { json: user, text: `${nameOf(user)} may sign in again.\n` }
  }

export const removeFactors =
  ({ id, yes }: { id: string; yes: boolean }): Command =>
  async (context) => {
    await requireConfirmation(context, yes, async () => {
      const user = await readUser(context, id)
      const kinds = user.factors.join(', ') || 'none'
      return `Remove the second factors of ${nameOf(user)} (${kinds}), so that the password alone is enough?`
    })
    await context.call('DELETE', `/v1/users/${id}/factors`)
    const user = await readUser(context, id)
    return { json: user, text: `${nameOf(user)} signs in with the password alone.\n` }
  }

export const setRoles =
  ({ id, roles }: { id: string; roles: readonly string[] }): Command =>
  async (context) => {
    await context.call('PUT', `/v1/users/${id}/roles`, { roles })
    const user = await readUser(context, id)
    return { json: user, text: `Roles of ${nameOf(user)}: ${user.roles.join(', ') || 'none'}\n` }
  }

export const readUser = async ({ call }: CommandContext, id: string): Promise<InspectedUser> =>
  (await call('GET', `/v1/users/${id}`)) as InspectedUser

export const nameOf = ({ id, username }: InspectedUser): string => `${printable(username)} (${id})`

export const sessionCount = ({ live_sessions: count }: InspectedUser): string =>
  count === 1 ? '1 session' : `${count} sessions`

/** How to get the next page. Empty after the last one. */
export const nextPageHint = (cursor: string | null): string =>
  cursor === null ? '' : `\nThere are more. Add --cursor ${printable(cursor)}\n`

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
      disabledText(user),
    ]),
    'No users were found.',
  )

const disabledText = (user: InspectedUser): string | null =>
  user.disabled_at === null ? null : `${time(user.disabled_at)} ${banText(user)}`

const banText = (user: InspectedUser): string => {
  const end = user.disabled_until === null ? 'without an end' : `until ${time(user.disabled_until)}`
  const forUser = user.disabled_public_reason
  const reasons = [user.disabled_reason ?? '', ...(forUser === null ? [] : [`user sees: ${forUser}`])]
  return `${end}: ${reasons.map(shortText).join('; ')}`
}
