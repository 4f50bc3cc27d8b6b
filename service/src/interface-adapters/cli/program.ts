import { Command as Program, Option } from 'commander'
import { listAudit, type ListAuditInput } from './audit-command.ts'
import { addSessions } from './add-sessions.ts'
import { addUsers } from './add-users.ts'
import { count, deliveryId, invitationId, userId } from './arguments.ts'
import type { Command, Start } from './command.ts'
import { runDoctor } from './doctor-command.ts'
import {
  createInvitation,
  listInvitations,
  revokeInvitation,
  type NewInvitationInput,
} from './invitation-commands.ts'
import { listKeys, rotateKeys } from './key-commands.ts'
import {
  listDeliveries,
  replayConsumer,
  replayDelivery,
  tellMessaging,
  type ListDeliveriesInput,
} from './outbox-commands.ts'
import type { RestoreOptions } from './restore-command.ts'

export interface GlobalOptions {
  readonly url?: string
  readonly key?: string
  readonly json?: true
}

interface ProgramOptions {
  readonly version: string
  readonly run: (command: Command, options: GlobalOptions) => Promise<void>
  /** Works on the database itself, while no instance serves. */
  readonly restore: (options: RestoreOptions) => Promise<void>
  readonly out: (text: string) => unknown
  readonly err: (text: string) => unknown
}

/** The commands and their options. Parsing rejects with CommanderError after it has printed help or an error itself. */
export function createProgram({ version, run, restore, out, err }: ProgramOptions): Program {
  const program = new Program('chat-auth')
    .description('Manages a running chat-auth through its internal listener.')
    .version(version)
    .option('--url <url>', 'address of the internal listener (default: from INTERNAL_HOST and INTERNAL_PORT)')
    .option('--key <key>', 'service key; visible in process lists, so prefer CHAT_AUTH_SERVICE_KEY')
    .option('--json', 'print the JSON response of the API, for scripts')
    .addHelpText('after', NOTES)
    .showHelpAfterError('Run it with --help to see the usage.')
    .configureOutput({ writeOut: out, writeErr: err })
    .exitOverride()
  const start = (command: Command): Promise<void> => run(command, program.opts<GlobalOptions>())
  addUsers(program, start)
  addSessions(program, start)
  addInvitations(program, start)
  addKeys(program, start)
  addOutbox(program, start)
  addAudit(program, start)
  program
    .command('doctor')
    .description('check settings, database, keys, clock, feed and outbox of the instance')
    .action(() => start(runDoctor))
  program
    .command('restore')
    .description(
      'make a restored backup ready to serve; standard input has the log or the events since the backup',
    )
    .addOption(
      new Option('--sessions <what>', 'end: everybody signs in again; keep: sessions go on')
        .choices(['end', 'keep'])
        .default('end'),
    )
    .option('--dry-run', 'only say what it would do')
    .option('-y, --yes', 'do not ask for confirmation')
    .action(restore)
  return program
}

function addInvitations(program: Program, start: Start): void {
  const invitations = program
    .command('invitations')
    .description('create, list and revoke invitations to sign up (REGISTRATION=invite)')
  invitations
    .command('create')
    .description('create an invitation, which is shown once')
    .option('--uses <count>', 'how many users may sign up with it', count, 1)
    .option('--expires-at <time>', 'such as 2030-01-31T12:00:00Z (default: in a week)')
    .option('--note <text>', 'for operators')
    .action((options: NewInvitationInput) => start(createInvitation(options)))
  invitations
    .command('list')
    .description('list the invitations, newest first')
    .option('--limit <count>', 'maximum number of invitations, up to 200', count)
    .option('--cursor <cursor>', 'cursor that the previous page printed')
    .action((options: { limit: number | undefined; cursor: string | undefined }) =>
      start(listInvitations(options)),
    )
  invitations
    .command('revoke')
    .description('make an invitation worthless')
    .argument('<invitation>', 'id of the invitation', invitationId)
    .action((id: string) => start(revokeInvitation({ id })))
}

function addKeys(program: Program, start: Start): void {
  const keys = program.command('keys').description('list and rotate the keys that sign access tokens')
  keys
    .command('list')
    .description('list the keys, in the order in which they sign')
    .action(() => start(listKeys))
  keys
    .command('rotate')
    .description('publish a new key, which signs from an hour later on')
    .action(() => start(rotateKeys))
}

function addOutbox(program: Program, start: Start): void {
  const outbox = program.command('outbox').description('list undelivered events, and retry them')
  const state = new Option('--state <state>', 'state of the deliveries').choices(['dead', 'waiting'])
  outbox
    .command('list')
    .description('list the deliveries that were given up, or that are waiting')
    .addOption(state.default('dead'))
    .option('--consumer <name>', 'only deliveries to this consumer')
    .option('--limit <count>', 'maximum number of deliveries, up to 200', count)
    .option('--cursor <cursor>', 'cursor that the previous page printed')
    .action((options: ListDeliveriesInput) => start(listDeliveries(options)))
  outbox
    .command('replay')
    .description('retry a delivery that was given up, or all of a consumer')
    .argument('[delivery]', 'id of the delivery', deliveryId)
    .option('--consumer <name>', 'all deliveries to this consumer')
    .action((id: string | undefined, { consumer }: { consumer?: string }, command: Program) => {
      if (id !== undefined && consumer === undefined) return start(replayDelivery({ id }))
      if (id === undefined && consumer !== undefined) return start(replayConsumer({ consumer }))
      return command.error('error: give either a delivery or --consumer')
    })
  outbox
    .command('tell-messaging')
    .description('send the present name and picture of every user to the messaging service')
    .requiredOption('--all', 'all users')
    .option('--from <user>', 'continue after this user, as an interrupted command printed', userId)
    .action(({ from }: { from?: string }) => start(tellMessaging({ from })))
}

function addAudit(program: Program, start: Start): void {
  program
    .command('audit')
    .description('list who did what to whom, newest first; all given filters must match')
    .option('--user <id>', 'id of the user whom it concerns', userId)
    .option('--actor <actor>', 'who did it: user:ID, service:NAME or system')
    .option('--action <action>', 'kind of action, such as session.created')
    .option('--ip <address>', 'address of the request, or a network such as 203.0.113.0/24')
    .option('--from <time>', 'from this time on, such as 2026-01-31T12:00:00Z')
    .option('--to <time>', 'before this time')
    .option('--limit <count>', 'maximum number of entries, up to 200', count)
    .option('--cursor <cursor>', 'cursor that the previous page printed')
    .action((options: ListAuditInput) => start(listAudit(options)))
}

const NOTES = `
The service key is the first of these that exists: --key, CHAT_AUTH_SERVICE_KEY, SERVICE_KEYS, and the file service-key
in DATA_DIR. As for the service, settings come from the environment and from .env in the working directory.

Exit codes: 0 done, 1 refused or failed (doctor: a check failed), 2 wrong usage, 3 the service is unreachable.
More in docs/cli.md.`
