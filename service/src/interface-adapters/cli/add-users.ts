import type { Command as Program } from 'commander'
import { count, roleList, userId } from './arguments.ts'
import type { Start } from './command.ts'
import {
  disableUser,
  enableUser,
  findUsers,
  listUsers,
  removeFactors,
  setRoles,
  type FindUsersInput,
  type ListUsersInput,
} from './user-commands.ts'

/** Adds the commands about users. */
export function addUsers(program: Program, start: Start): void {
  const users = program
    .command('users')
    .description('list, find, disable and enable users, set their roles, remove lost factors')
  users
    .command('list')
    .description('list users, newest first')
    .option('--disabled', 'only disabled users')
    .option('--limit <count>', 'maximum number of users, up to 100', count)
    .option('--cursor <cursor>', 'cursor that the previous page printed')
    .action((options: ListUsersInput) => start(listUsers(options)))
  users
    .command('find')
    .description('find users by part of their username, by e-mail address or by id')
    .argument('[name]', 'part of the username')
    .option('--email <address>', 'complete e-mail address')
    .option('--id <id>', 'id of the user', userId)
    .option('--limit <count>', 'maximum number of users, up to 100', count)
    .option('--cursor <cursor>', 'cursor that the previous page printed')
    .action((name: string | undefined, options: Omit<FindUsersInput, 'name'>, command: Program) => {
      const ways = [name, options.email, options.id].filter((way) => way !== undefined)
      if (ways.length !== 1) command.error('error: give exactly one of: part of the username, --email, --id')
      return start(findUsers({ ...options, name }))
    })
  users
    .command('disable')
    .description('end all sessions of a user, who can no longer sign in')
    .argument('<user>', 'id of the user', userId)
    .requiredOption('--reason <text>', 'shown to operators only')
    .option('--public-reason <text>', 'shown to the user at sign-in')
    .option('--until <time>', 'end of the ban, such as 2030-01-31T12:00:00Z (default: none)')
    .option('-y, --yes', 'do not ask for confirmation')
    .action((id: string, options: { reason: string; publicReason?: string; until?: string; yes?: true }) => {
      const { reason, publicReason, until, yes } = options
      return start(disableUser({ id, reason, publicReason, until, yes: yes === true }))
    })
  users
    .command('enable')
    .description('let a disabled user sign in again')
    .argument('<user>', 'id of the user', userId)
    .option('--note <text>', 'why, for operators')
    .action((id: string, { note }: { note?: string }) => start(enableUser({ id, note })))
  users
    .command('remove-factors')
    .description('remove the second factors of a user who has lost them')
    .argument('<user>', 'id of the user', userId)
    .option('-y, --yes', 'do not ask for confirmation')
    .action((id: string, { yes }: { yes?: true }) => start(removeFactors({ id, yes: yes === true })))
  users
    .command('roles')
    .description('replace the roles of a user')
    .argument('<user>', 'id of the user', userId)
    .argument('<roles>', "separated by commas; '' removes all roles", roleList)
    .action((id: string, roles: string[]) => start(setRoles({ id, roles })))
}
