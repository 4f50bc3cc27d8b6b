import type { Command as Program } from 'commander'
import { sessionId, userId } from './arguments.ts'
import type { Command, Start } from './command.ts'
import {
  countAllSessions,
  endAllSessions,
  endSession,
  endSessionsOfAllUsers,
  listSessions,
} from './session-commands.ts'

/** Adds the commands about sessions. */
export function addSessions(program: Program, start: Start): void {
  const sessions = program.command('sessions').description('list and end the sessions of a user')
  sessions
    .command('list')
    .description('list the live sessions, newest first')
    .argument('<user>', 'id of the user', userId)
    .action((userId: string) => start(listSessions({ userId })))
  sessions
    .command('end')
    .description('end one session, or all sessions, of a user, or the sessions of all users')
    .argument('[user]', 'id of the user', userId)
    .argument('[session]', 'id of the session', sessionId)
    .option('--all', 'end all sessions of the user')
    .option('--all-users', 'end the sessions of all users, who sign in again')
    .option('--dry-run', 'with --all-users: only say how many would end')
    .option('-y, --yes', 'do not ask for confirmation')
    .action(
      (user: string | undefined, session: string | undefined, options: EndOptions, command: Program) => {
        const chosen = endCommand({ user, session, ...options })
        return chosen === undefined ? command.error(END_USAGE) : start(chosen)
      },
    )
}

interface EndOptions {
  readonly all?: true
  readonly allUsers?: true
  readonly dryRun?: true
  readonly yes?: true
}

const END_USAGE = 'error: give a user with either a session or --all, or --all-users alone'

/** The command that the arguments ask for; undefined if they contradict each other. */
function endCommand(
  options: EndOptions & { user: string | undefined; session: string | undefined },
): Command | undefined {
  const { user, session, all, allUsers, dryRun } = options
  const yes = options.yes === true
  if (allUsers) {
    if (user !== undefined || all) return undefined
    return dryRun ? countAllSessions : endSessionsOfAllUsers({ yes })
  }
  if (dryRun || user === undefined || (session === undefined) !== (all === true)) return undefined
  return session === undefined
    ? endAllSessions({ userId: user, yes })
    : endSession({ userId: user, sessionId: session })
}
