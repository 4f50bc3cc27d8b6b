import type { z } from 'zod'
import type { signingKeyList } from '../http/internal/signing-key-schemas.ts'
import type { Command } from './command.ts'
import { table, time } from './table.ts'

type SigningKeyList = z.infer<typeof signingKeyList>

export const listKeys: Command = async ({ call }) => {
  const list = (await call('GET', '/v1/keys')) as SigningKeyList
  return { json: list, text: keysTable(list) }
}

export const rotateKeys: Command = async ({ call }) => {
  const list = (await call('POST', '/v1/keys/rotate')) as SigningKeyList
  const coming = list.items.find(({ state }) => state === 'coming')
  const text =
    coming === undefined
      ? 'A new key signs new tokens.'
      : `A new key signs new tokens from ${time(coming.signs_from)}.`
  return { json: list, text: `${text}\n\n${keysTable(list)}` }
}

const keysTable = ({ algorithm, items }: SigningKeyList): string =>
  table(
    ['KID', 'ALGORITHM', 'STATE', 'SIGNS FROM', 'SIGNS UNTIL', 'PUBLISHED UNTIL'],
    items.map((key) => [
      key.kid,
      key.algorithm,
      key.usable ? key.state : `${key.state}, cannot be decrypted`,
      time(key.signs_from),
      time(key.signs_until),
      time(key.published_until),
    ]),
    `There are no keys: with TOKEN_ALGORITHM=${algorithm} tokens are signed with a shared secret.`,
  )
