import { Command as Program, InvalidArgumentError, Option } from 'commander'
import type { Command } from './command.ts'
import { examine } from './doctor-command.ts'
import { listKeys, rotateKeys } from './key-commands.ts'
import {
  listDeliveries,
  replayConsumer,
  replayDelivery,
  type ListDeliveriesInput,
} from './outbox-commands.ts'
import { endAllSessions, endSession, listSessions } from './session-commands.ts'
import { disableUser, enableUser, findUsers, setRoles, type FindUsersInput } from './user-commands.ts'

export interface GlobalOptions {
  readonly url?: string
  readonly key?: string
  readonly json?: true
}

interface ProgramOptions {
  readonly version: string
  readonly run: (command: Command, options: GlobalOptions) => Promise<void>
  readonly out: (text: string) => unknown
  readonly err: (text: string) => unknown
}

/** What can be typed, and what is called then. Parsing rejects with CommanderError when everything has been said already. */
export function createProgram({ version, run, out, err }: ProgramOptions): Program {
  const program = new Program('chat-auth')
    .description('Looks after a running chat-auth, through its internal listener.')
    .version(version)
    .option('--url <url>', 'the internal listener (default: INTERNAL_HOST and INTERNAL_PORT of the settings)')
    .option(
      '--key <key>',
      'a service key; every list of processes shows it, so rather set CHAT_AUTH_SERVICE_KEY',
    )
    .option('--json', 'print JSON for scripts, as the API answers it')
    .addHelpText('after', NOTES)
    .showHelpAfterError('Run it with --help to see how it is used.')
    .configureOutput({ writeOut: out, writeErr: err })
    .exitOverride()
  const start = (command: Command): Promise<void> => run(command, program.opts<GlobalOptions>())
  addUsers(program, start)
  addSessions(program, start)
  addKeys(program, start)
  addOutbox(program, start)
  program
    .command('doctor')
    .description('check settings, database, keys, clock, feed and outbox of the instance that answers')
    .action(() => start(examine))
  return program
}

type Start = (command: Command) => Promise<void>

function addUsers(program: Program, start: Start): void {
  const users = program.command('users').description('find people, disable them, give them roles')
  users
    .command('find')
    .description('find people by a part of their username, by their e-mail address or their id')
    .argument('[name]', 'a part of the username')
    .option('--email <address>', 'the whole e-mail address')
    .option('--id <id>', 'the id', userId)
    .option('--limit <count>', 'at most so many, up to 100', count)
    .option('--cursor <cursor>', 'where the page before ended')
    .action((name: string | undefined, options: Omit<FindUsersInput, 'name'>, command: Program) => {
      const ways = [name, options.email, options.id].filter((way) => way !== undefined)
      if (ways.length !== 1) command.error('error: name either a part of the username, or --email, or --id')
      return start(findUsers({ ...options, name }))
    })
  users
    .command('disable')
    .description('end all their sessions and let them sign in no more')
    .argument('<user>', 'the id of the user', userId)
    .requiredOption('--reason <text>', 'kept for operators')
    .option('-y, --yes', 'do not ask')
    .action((id: string, { reason, yes }: { reason: string; yes?: true }) =>
      start(disableUser({ id, reason, yes: yes === true })),
    )
  users
    .command('enable')
    .description('let them sign in again')
    .argument('<user>', 'the id of the user', userId)
    .action((id: string) => start(enableUser({ id })))
  users
    .command('roles')
    .description('give them these roles in place of those they have')
    .argument('<user>', 'the id of the user', userId)
    .argument('<roles>', "separated by commas; '' for none", roleList)
    .action((id: string, roles: string[]) => start(setRoles({ id, roles })))
}

function addSessions(program: Program, start: Start): void {
  const sessions = program.command('sessions').description('see and end where people are signed in')
  sessions
    .command('list')
    .description('list the live sessions, newest first')
    .argument('<user>', 'the id of the user', userId)
    .action((userId: string) => start(listSessions({ userId })))
  sessions
    .command('end')
    .description('end one session, or all')
    .argument('<user>', 'the id of the user', userId)
    .argument('[session]', 'the id of the session', sessionId)
    .option('--all', 'all of them')
    .option('-y, --yes', 'do not ask')
    .action(
      (
        userId: string,
        session: string | undefined,
        options: { all?: true; yes?: true },
        command: Program,
      ) => {
        if ((session === undefined) === (options.all === undefined))
          command.error('error: name either a session, or --all')
        const yes = options.yes === true
        return start(
          session === undefined
            ? endAllSessions({ userId, yes })
            : endSession({ userId, sessionId: session }),
        )
      },
    )
}

function addKeys(program: Program, start: Start): void {
  const keys = program
    .command('keys')
    .description('see and rotate the keys that access tokens are signed with')
  keys
    .command('list')
    .description('list the keys, in the order in which they sign')
    .action(() => start(listKeys))
  keys
    .command('rotate')
    .description('have a new key take over, an hour after it is published')
    .action(() => start(rotateKeys))
}

function addOutbox(program: Program, start: Start): void {
  const outbox = program
    .command('outbox')
    .description('see which events were not delivered, and try them again')
  outbox
    .command('list')
    .description('list the deliveries that were given up, or that wait')
    .addOption(new Option('--state <state>', 'which').choices(['dead', 'waiting']).default('dead'))
    .option('--consumer <name>', 'of this consumer alone')
    .option('--limit <count>', 'at most so many, up to 200', count)
    .option('--cursor <cursor>', 'where the page before ended')
    .action((options: ListDeliveriesInput) => start(listDeliveries(options)))
  outbox
    .command('replay')
    .description('try a delivery again that was given up, or all of a consumer')
    .argument('[delivery]', 'the id of the delivery', deliveryId)
    .option('--consumer <name>', 'all of this consumer')
    .action((id: string | undefined, { consumer }: { consumer?: string }, command: Program) => {
      if (id !== undefined && consumer === undefined) return start(replayDelivery({ id }))
      if (id === undefined && consumer !== undefined) return start(replayConsumer({ consumer }))
      return command.error('error: name either a delivery, or --consumer')
    })
}

/** These stand in paths: what is none never leaves. */
const matching =
  (pattern: RegExp, wanted: string) =>
  (text: string): string => {
    if (pattern.test(text)) return text
    throw new InvalidArgumentError(wanted)
  }
const userId = matching(
  /^[1-9]\d{0,15}$/,
  'The id of a user is a number, such as 17: chat-auth users find tells it.',
)
const sessionId = matching(
  /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
  'The id of a session is a UUID: chat-auth sessions list tells it.',
)
const deliveryId = matching(
  /^[1-9]\d{0,14}$/,
  'The id of a delivery is a number: chat-auth outbox list tells it.',
)
const count = (text: string): number => Number(matching(/^[1-9]\d{0,3}$/, 'It is a number, from 1 on.')(text))
const roleList = (text: string): string[] =>
  text
    .split(',')
    .map((role) => role.trim())
    .filter((role) => role !== '')

const NOTES = `
The service key is the first there is of: --key, CHAT_AUTH_SERVICE_KEY, SERVICE_KEYS, and the file service-key in DATA_DIR.
Settings come from the environment and from .env in this folder, as those of the service do.

Exit codes: 0 done, 1 refused or failed (doctor: a check failed), 2 wrong usage, 3 the service is not reachable.
More in docs/cli.md.`
