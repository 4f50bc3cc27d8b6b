import { parseLegacyUsername, USERNAME_LIMITS } from '../../domain/username.ts'
import type { SettingsReader } from './settings-reader.ts'

/** Names of roles, of mailboxes (RFC 2142), of the service itself, and words that chat programs give a meaning. */
const usual =
  'admin administrator admins sysadmin superuser root system service server security support help helpdesk staff ' +
  'team owner operator official moderator moderators mods hostmaster postmaster webmaster abuse noreply contact ' +
  'info billing chat-auth everyone here channel anonymous deleted nobody null undefined'

/** Names that nobody may choose. A list in the setting replaces the usual ones. */
export function readReservedUsernames(settings: SettingsReader): readonly string[] {
  const { minimum, maximum } = USERNAME_LIMITS
  const names = settings.list(
    'RESERVED_USERNAMES',
    (name) => parseLegacyUsername(name) !== undefined,
    `usernames of ${minimum} to ${maximum} characters, separated by commas`,
  )
  return names.length > 0 ? names : usual.split(' ')
}
