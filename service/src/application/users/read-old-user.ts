import { parseEmailAddress, type EmailAddress } from '../../domain/email-address.ts'
import { InvalidValue } from '../../domain/invalid-value.ts'
import type { PasswordHash } from '../../domain/password.ts'
import { looksOf } from '../../domain/skeleton.ts'
import { parseUserId, type UserId } from '../../domain/user.ts'
import { adoptUsername, parseUsername, type Username } from '../../domain/username.ts'
import type { OldUser } from '../ports/old-users.ts'

/** Something to tell the operator about a row. Never holds the hash. */
export interface Remark {
  /** A stable word; listed in docs/import.md. */
  readonly reason: string
  readonly explanation: string
  /** Who has what the row claims. */
  readonly takenBy?: UserId
}

/** Somebody who can be brought over, unless another person has their id, name or address. */
export interface Candidate {
  readonly id: UserId
  readonly username: Username
  readonly looks: readonly string[]
  readonly email: EmailAddress
  readonly passwordHash: PasswordHash
  /** The name is kept, though nobody could choose it now. */
  readonly remark: Remark | undefined
}

/** The row cannot become a person here. */
class Unusable extends Error {
  readonly remark: Remark

  constructor(reason: string, explanation: string) {
    super(reason)
    this.remark = { reason, explanation }
  }
}

/** As many ids again are left for people who come later. */
export const GREATEST_KEPT_ID = (2 ** 52) as UserId

/** Reads a row of the old users; a remark when it cannot be used. `recognisesHash` knows the hashes a sign-in can check. */
export const readOldUser = (
  row: OldUser,
  recognisesHash: (hash: string) => boolean,
): Candidate | { readonly remark: Remark; readonly id: undefined } => {
  try {
    const id = readId(row.id)
    const { username, remark } = readUsername(row.username)
    const email = readEmail(row.email)
    const passwordHash = readHash(row.password, recognisesHash)
    return { id, username, looks: looksOf(username), email, passwordHash, remark }
  } catch (error) {
    if (error instanceof Unusable) return { remark: error.remark, id: undefined }
    throw error
  }
}

function readId(text: string | null): UserId {
  const id = parseUserId(text)
  if (id === undefined || id > GREATEST_KEPT_ID) {
    throw new Unusable('id_invalid', `The id is not a whole number from 1 to ${GREATEST_KEPT_ID}.`)
  }
  return id
}

function readUsername(text: string | null): { username: Username; remark: Remark | undefined } {
  const typed = present(text, 'username')
  const refusal = refusalOf(() => parseUsername(typed))
  const username = adoptUsername(typed)
  if (username !== undefined) return { username, remark: refusal && olderRules(refusal) }
  throw new Unusable(`username_${refusal?.code ?? 'invalid_format'}`, refusal?.message ?? '')
}

const olderRules = ({ message }: InvalidValue): Remark => ({
  reason: 'username_of_older_rules',
  explanation: `The name is kept, but nobody could choose it now. ${message}`,
})

function readEmail(text: string | null): EmailAddress {
  const typed = present(text, 'email')
  try {
    return parseEmailAddress(typed)
  } catch (error) {
    throw error instanceof InvalidValue ? new Unusable(`email_${error.code}`, error.message) : error
  }
}

function readHash(text: string | null, recognises: (hash: string) => boolean): PasswordHash {
  const hash = present(text, 'password')
  if (recognises(hash)) return hash as PasswordHash
  throw new Unusable(
    'password_hash_unknown',
    'The password is not stored as $pbkdf2-sha256$, or its hash is damaged or asks for too many rounds.',
  )
}

function present(text: string | null, column: string): string {
  if (text !== null && text !== '') return text
  throw new Unusable(`${column}_missing`, `The column ${column} is empty.`)
}

function refusalOf(parse: () => unknown): InvalidValue | undefined {
  try {
    parse()
    return undefined
  } catch (error) {
    if (error instanceof InvalidValue) return error
    throw error
  }
}
