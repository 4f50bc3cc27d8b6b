import { parseEmailAddress, type EmailAddress } from '../../domain/email-address.ts'
import { InvalidValue } from '../../domain/invalid-value.ts'
import type { PasswordHash } from '../../domain/password.ts'
import { parseFreeUsername, type ReservedUsernames } from '../../domain/reserved-usernames.ts'
import { looksOf } from '../../domain/skeleton.ts'
import { parseUserId, type UserId } from '../../domain/user.ts'
import { parseLegacyUsername, type Username } from '../../domain/username.ts'
import type { OldUser } from '../ports/old-users.ts'

/** A note to the operator about a row. Never contains the hash. */
export interface Remark {
  /** A stable word; listed in docs/import.md. */
  readonly reason: string
  readonly explanation: string
  /** The user who has the id, name or address of the row. */
  readonly takenBy?: UserId
}

/** A user who can be imported, unless another user has the id, name or address. */
export interface Candidate {
  readonly id: UserId
  readonly username: Username
  readonly looks: readonly string[]
  readonly email: EmailAddress | undefined
  readonly passwordHash: PasswordHash
  /** The name is kept although it breaks a rule for new names, or there is no address. */
  readonly remarks: readonly Remark[]
}

/** The row cannot become a user here. */
class Unusable extends Error {
  readonly remark: Remark

  constructor(reason: string, explanation: string) {
    super(reason)
    this.remark = { reason, explanation }
  }
}

/** Half of all ids are left for users who register later. */
export const GREATEST_KEPT_ID = (2 ** 52) as UserId

export type ReadUser =
  | { readonly kind: 'candidate'; readonly candidate: Candidate }
  | { readonly kind: 'unusable'; readonly remark: Remark }

/** The rules of this service for the rows. */
interface Rules {
  /** Whether a sign-in can check such a hash. */
  readonly recognisesHash: (hash: string) => boolean
  readonly reservedUsernames: ReservedUsernames
}

/** Reads a row of the old users. */
export const readOldUser = (row: OldUser, { recognisesHash, reservedUsernames }: Rules): ReadUser => {
  try {
    const id = readId(row.id)
    const { username, remark } = readUsername(row.username, reservedUsernames)
    const email = readEmail(row.email)
    const remarks = [remark, email === undefined ? withoutAddress : undefined].filter(
      (each) => each !== undefined,
    )
    const passwordHash = readHash(row.password, recognisesHash)
    const looks = looksOf(username)
    return { kind: 'candidate', candidate: { id, username, looks, email, passwordHash, remarks } }
  } catch (error) {
    if (error instanceof Unusable) return { kind: 'unusable', remark: error.remark }
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

function readUsername(
  text: string | null,
  reserved: ReservedUsernames,
): { username: Username; remark: Remark | undefined } {
  const typed = present(text, 'username')
  const refusal = refusalOf(() => parseFreeUsername(reserved)(typed))
  const username = parseLegacyUsername(typed)
  if (username !== undefined) return { username, remark: refusal && olderRules(refusal) }
  throw new Unusable(`username_${refusal?.code ?? 'invalid_format'}`, refusal?.message ?? '')
}

const olderRules = ({ message }: InvalidValue): Remark => ({
  reason: 'username_of_older_rules',
  explanation: `The name is kept, but it breaks a rule for new names. ${message}`,
})

const withoutAddress: Remark = {
  reason: 'email_missing',
  explanation: 'The column email is empty. The user is imported without an address, and may set one later.',
}

/** Undefined if it is empty: the older service lost the addresses of users who changed their name. */
function readEmail(text: string | null): EmailAddress | undefined {
  if (text === null || text.trim() === '') return undefined
  try {
    return parseEmailAddress(text)
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
