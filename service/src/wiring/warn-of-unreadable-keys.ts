import type { Logger } from 'pino'
import type { OpenSigningKeys } from './signing-keys.ts'

/** Logs once, at the start, that some signing keys were made with a secret that this instance does not have. */
export async function warnOfUnreadableKeys(
  { list }: Pick<OpenSigningKeys, 'list'>,
  logger: Logger,
): Promise<void> {
  const keys = await list()
  const unreadable = keys.filter(({ isUsable }) => !isUsable).length
  if (unreadable === 0) return
  const msg =
    `AUTH_SECRET cannot decrypt ${unreadable} of ${keys.length} signing keys. They only verify tokens. ` +
    'Set the same AUTH_SECRET on all instances, and earlier ones in AUTH_SECRET_PREVIOUS.'
  logger.warn({ event: 'signing-keys.unreadable', unreadable, msg })
}
