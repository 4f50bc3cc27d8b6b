import type { SignInCandidate, SignInName } from '../../application/ports/users.ts'
import type { Database } from './database.ts'
import { NamedStatement } from './named-statement.ts'
import { toUser } from './rows.ts'
import { userColumns, type UserRow } from './schema.ts'

type CandidateRow = Omit<UserRow, 'id'> & {
  /** Null if there is no such user; then the other columns are null as well. */
  id: number | null
  device_is_known: boolean
  network_is_known: boolean
  foreign_hashes_in_use: boolean
}

/**
 * Returns one row and does the same look-ups, whether the user exists or not. An address stands for its owner: the user who
 * verified it, or else the only user who has it (domain/email-owner.ts). The array has all three look-ups made, where
 * `coalesce` would stop at the first that finds somebody.
 */
const FIND_FOR_SIGN_IN = new NamedStatement<CandidateRow>(
  'find_for_sign_in',
  `select ${userColumns.map((column) => `users.${column}`).join(', ')},
     exists (select from sessions where user_id = users.id and device_id = $3) as device_is_known,
     exists (select from sessions where user_id = users.id and address <<= $4::inet) as network_is_known,
     exists (select from users where password_hash not like '$argon2id$%') as foreign_hashes_in_use
   from (select (array_remove(array[
       (select id from users where username_key = $1),
       (select id from users where email_key = $2 and email_verified),
       (select case when count(*) = 1 then min(id) end
        from (select id from users where email_key = $2 order by id limit 2) as holders)
     ], null))[1] as id) as wanted
     left join users on users.id = wanted.id`,
)

/** As `Users.findForSignIn`. */
export async function findSignInCandidate(
  db: Database,
  { usernameKey, emailKey }: SignInName,
  { deviceId, network }: { deviceId: string | undefined; network: string },
): Promise<SignInCandidate> {
  const values = [usernameKey ?? null, emailKey ?? null, deviceId ?? null, network]
  const [row] = await FIND_FOR_SIGN_IN.execute(db, values)
  if (row === undefined) throw new Error('find_for_sign_in always returns a row')
  const { id } = row
  return {
    user: id === null ? undefined : toUser({ ...row, id }),
    deviceIsKnown: row.device_is_known,
    networkIsKnown: row.network_is_known,
    foreignHashesInUse: row.foreign_hashes_in_use,
  }
}
