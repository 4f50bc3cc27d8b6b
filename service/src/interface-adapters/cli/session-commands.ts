import type { z } from 'zod'
import type { sessionList } from '../http/schemas.ts'
import { demandConfirmation, type Command } from './command.ts'
import { table, time, words } from './table.ts'
import { nameOf, readUser, sessionsOf } from './user-commands.ts'

type SessionList = z.infer<typeof sessionList>

export const listSessions =
  ({ userId }: { userId: string }): Command =>
  async ({ call }) => {
    const list = (await call('GET', `/v1/users/${userId}/sessions`)) as SessionList
    const rows = list.items.map((session) => [
      session.id,
      words(session.device_name),
      session.ip,
      time(session.created_at),
      time(session.last_seen_at),
      time(session.expires_at),
    ])
    const headings = ['ID', 'DEVICE', 'IP', 'SIGNED IN', 'LAST SEEN', 'EXPIRES']
    return { json: list, text: table(headings, rows, 'There is no live session.') }
  }

export const endSession =
  ({ userId, sessionId }: { userId: string; sessionId: string }): Command =>
  async (surroundings) => {
    await surroundings.call('DELETE', `/v1/users/${userId}/sessions/${sessionId}`)
    const user = await readUser(surroundings, userId)
    return { json: user, text: `The session has ended; ${nameOf(user)} has ${sessionsOf(user)} left.\n` }
  }

export const endAllSessions =
  ({ userId, yes }: { userId: string; yes: boolean }): Command =>
  async (surroundings) => {
    await demandConfirmation(surroundings, yes, async () => {
      const user = await readUser(surroundings, userId)
      return `End ${sessionsOf(user)} of ${nameOf(user)}?`
    })
    await surroundings.call('DELETE', `/v1/users/${userId}/sessions`)
    const user = await readUser(surroundings, userId)
    return { json: user, text: `All sessions of ${nameOf(user)} have ended.\n` }
  }
