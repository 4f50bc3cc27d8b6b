import { InvalidArgumentError } from 'commander'

/** Ids become part of a URL path, so anything else must not pass. */
const matching =
  (pattern: RegExp, wanted: string) =>
  (text: string): string => {
    if (pattern.test(text)) return text
    throw new InvalidArgumentError(wanted)
  }
export const userId = matching(
  /^[1-9]\d{0,15}$/,
  'Must be a number, such as 17. Find it with: chat-auth users find',
)
export const sessionId = matching(
  /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
  'Must be a UUID. Find it with: chat-auth sessions list',
)
export const deliveryId = matching(/^[1-9]\d{0,14}$/, 'Must be a number. Find it with: chat-auth outbox list')
export const invitationId = matching(
  /^[1-9]\d{0,14}$/,
  'Must be a number. Find it with: chat-auth invitations list',
)
export const count = (text: string): number =>
  Number(matching(/^[1-9]\d{0,3}$/, 'Must be a number from 1 to 9999.')(text))
export const roleList = (text: string): string[] =>
  text
    .split(',')
    .map((role) => role.trim())
    .filter((role) => role !== '')
