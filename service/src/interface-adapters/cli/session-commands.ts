import type { z } from 'zod'
import type { sessionList } from '../http/session-schemas.ts'
import { requireConfirmation, type Command } from './command.ts'
import { shortText, table, time } from './table.ts'
import { nameOf, readUser, sessionCount } from './user-commands.ts'

type SessionList = z.infer<typeof sessionList>

export const listSessions =
  ({ userId }: { userId: string }): Command =>
  async ({ call }) => {
    const list = (await call('GET', `/v1/users/${userId}/sessions`)) as SessionList
    const rows = list.items.map((session) => [
      session.id,
      shortText(session.device_name),
      session.ip,
      time(session.created_at),
      time(session.last_seen_at),
      time(session.expires_at),
    ])
    const headings = ['ID', 'DEVICE', 'IP', 'SIGNED IN', 'LAST SEEN', 'EXPIRES']
    return { json: list, text: table(headings, rows, 'There are no live sessions.') }
  }

export const endSession =
  ({ userId, sessionId }: { userId: string; sessionId: string }): Command =>
  async (context) => {
    await context.call('DELETE', `/v1/users/${userId}/sessions/${sessionId}`)
    const user = await readUser(context, userId)
    return { json: user, text: `The session has ended; ${nameOf(user)} has ${sessionCount(user)} left.\n` }
  }

export const endAllSessions =
  ({ userId, yes }: { userId: string; yes: boolean }): Command =>
  async (context) => {
    await requireConfirmation(context, yes, async () => {
      const user = await readUser(context, userId)
      return `End ${sessionCount(user)} of ${nameOf(user)}?`
    })
    await context.call('DELETE', `/v1/users/${userId}/sessions`)
    const user = await readUser(context, userId)
    return { json: user, text: `All sessions of ${nameOf(user)} have ended.\n` }
  }
