import type { z } from 'zod'
import type { signingKeyList } from '../http/keys-routes.ts'
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
    coming === undefined ? 'A new key signs.' : `A new key signs from ${time(coming.signs_from)} on.`
  return { json: list, text: `${text}\n\n${keysTable(list)}` }
}

const keysTable = ({ algorithm, items }: SigningKeyList): string =>
  table(
    ['KID', 'ALGORITHM', 'STATE', 'SIGNS FROM', 'SIGNS UNTIL', 'PUBLISHED UNTIL'],
    items.map((key) => [
      key.kid,
      key.algorithm,
      key.usable ? key.state : `${key.state}, cannot be opened`,
      time(key.signs_from),
      time(key.signs_until),
      time(key.published_until),
    ]),
    `There is none: with TOKEN_ALGORITHM=${algorithm} tokens are signed with a shared secret.`,
  )
