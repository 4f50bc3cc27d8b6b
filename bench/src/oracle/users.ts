import pg from 'pg'
import { passlibPbkdf2Sha256 } from '../../../service/src/infrastructure/crypto/foreign-password-hashes.ts'
import { addCopies } from '../users/copies.ts'
import { SAMPLES } from './states.ts'

type Kind = (number: number) => string

/** The e-mail address of user `number` of each kind. Users who do not exist come first: others are compared with them. */
export const kinds: { readonly [name in 'unknown' | 'known' | 'disabled' | 'imported']: Kind } = {
  unknown: (number) => `nobody${number}@example.org`,
  known: (number) => `p${1 + number}@example.org`,
  disabled: (number) => `p${1 + SAMPLES + number}@example.org`,
  imported: (number) => `p${1 + 2 * SAMPLES + number}@example.org`,
}

const emailsOf = (kind: Kind): string[] => Array.from({ length: SAMPLES }, (_, number) => kind(number))

/** Adds users of every kind, with the password of the one who signed up with `email`. */
export async function addUsersOfEveryKind(databaseUrl: string, email: string): Promise<void> {
  await addCopies(databaseUrl, email, 3 * SAMPLES)
  const client = new pg.Client(databaseUrl)
  await client.connect()
  try {
    await client.query(
      `update users set disabled_at = now(), disabled_reason = 'Spam' where email = any($1::text[])`,
      [emailsOf(kinds.disabled)],
    )
    await client.query('update users set password_hash = $2 where email = any($1::text[])', [
      emailsOf(kinds.imported),
      passlibPbkdf2Sha256.dummy,
    ])
    await client.query('vacuum analyze users')
  } finally {
    await client.end()
  }
}
