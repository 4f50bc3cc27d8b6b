import type { z } from 'zod'
import type { endedSessions, sessionCount as countOfSessions } from '../http/internal/all-sessions-schemas.ts'
import type { sessionList } from '../http/session-schemas.ts'
import { pathWithQuery, requireConfirmation, type Command, type CommandContext } from './command.ts'
import { CommandFailure } from './exit-codes.ts'
import { shortText, table, time } from './table.ts'
import { nameOf, readUser, sessionCount } from './user-commands.ts'

type EndedSessions = z.infer<typeof endedSessions>
type SessionList = z.infer<typeof sessionList>

export const listSessions =
  ({ userId }: { userId: string }): Command =>
  async ({ call }) => {
    const list = (await call('GET', `/v1/users/${userId}/sessions`)) as SessionList
    const rows = list.items.map((session) => [
      session.id,
      shortText(session.device_name),
      session.ip,
      session.last_ip,
      time(session.created_at),
      time(session.last_seen_at),
      time(session.expires_at),
    ])
    const headings = ['ID', 'DEVICE', 'IP', 'LAST IP', 'SIGNED IN', 'LAST SEEN', 'EXPIRES']
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

export const countAllSessions: Command = async (context) => {
  const count = await readCount(context)
  return { json: count, text: `${sessionsOfAll(count.live)} would end.\n` }
}

export const endSessionsOfAllUsers =
  ({ yes }: { yes: boolean }): Command =>
  async (context) => {
    await requireConfirmation(
      context,
      yes,
      async () => `End ${sessionsOfAll((await readCount(context)).live)}?`,
    )
    const ended = await endInBatches(context)
    return { json: { ended }, text: `${sessionsOfAll(ended)} ended. Everybody signs in again.\n` }
  }

/** Returns how many have ended. If a call fails, the message says how many ended before it. */
async function endInBatches({ call, progress }: CommandContext): Promise<number> {
  let [count, cursor]: [number, string | null] = [0, null]
  do {
    const path: string = pathWithQuery('/v1/sessions', { cursor: cursor ?? undefined })
    const batch = (await call('DELETE', path).catch((error: unknown) => {
      throw count > 0 && error instanceof CommandFailure ? interrupted(error, count) : error
    })) as EndedSessions
    count += batch.ended
    cursor = batch.next_cursor
    if (cursor !== null) progress(`${sessionsOfAll(count)} ended\n`)
  } while (cursor !== null)
  return count
}

const interrupted = ({ message, exitCode }: CommandFailure, count: number): CommandFailure =>
  new CommandFailure(
    `${sessionsOfAll(count)} ended, then: ${message} Run the command again for the rest.`,
    exitCode,
  )

const readCount = async ({ call }: CommandContext): Promise<z.infer<typeof countOfSessions>> =>
  (await call('GET', '/v1/sessions/count')) as z.infer<typeof countOfSessions>

const sessionsOfAll = (count: number): string =>
  `${count} ${count === 1 ? 'session' : 'sessions'} of all users`
