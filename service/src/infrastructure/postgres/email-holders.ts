import { sql, type QueryExecutorProvider } from 'kysely'
import { ApplicationError } from '../../application/errors.ts'
import type { User } from '../../domain/user.ts'
import type { Database } from './database.ts'
import { toUser } from './rows.ts'

/** As `Users.holdersOf`. */
export async function readHolders(db: Database, emailKey: string, limit: number): Promise<readonly User[]> {
  const existing = db.selectFrom('users').selectAll().where('deleted_at', 'is', null)
  const holders = existing.where('email_key', '=', emailKey)
  const others = holders.where('email_verified', '=', false).orderBy('id').limit(limit)
  // Two parts, so that each is a range of an index, however many users have the address.
  const rows = await holders
    .where('email_verified', '=', true)
    .unionAll((builder) => builder.parens(others))
    .execute()
  return rows
    .map(toUser)
    .toSorted((a, b) => Number(b.emailVerified) - Number(a.emailVerified) || a.id - b.id)
    .slice(0, limit)
}

/**
 * Who gets mail about an address that nobody has verified. Users who signed up with it come first: others could be older, and
 * change to it to keep them from their mail.
 */
const RECIPIENTS = 5

/** As `UsersInTransaction.lockRecipients`. */
export async function lockRecipients(trx: Database, emailKeys: readonly string[]): Promise<readonly User[]> {
  if (emailKeys.length === 0) return []
  const { rows: recipients } = await sql<{ id: number }>`
    select recipient.id from unnest(${emailKeys}::text[]) as key cross join lateral (
      (select id from users where email_key = key and email_verified)
      union all
      (select id from users
       where email_key = key and not exists (select from users where email_key = key and email_verified)
       order by email_version > 1, id limit ${RECIPIENTS})
    ) as recipient`.execute(trx)
  if (recipients.length === 0) return []
  const rows = await trx
    .selectFrom('users')
    .selectAll()
    .where(
      'id',
      'in',
      recipients.map(({ id }) => id),
    )
    // Again: the address may have changed before the lock.
    .where('email_key', 'in', emailKeys)
    .orderBy('id')
    .forNoKeyUpdate()
    .execute()
  return rows.map(toUser)
}

/** As `UsersInTransaction.requireOnlyHolder`. */
export async function requireOnlyHolder(trx: Database, { id, email }: User): Promise<void> {
  if (email === undefined) return
  await lockAddresses(trx, [email.key])
  const others = trx.selectFrom('users').select('id').where('email_key', '=', email.key).where('id', '!=', id)
  if ((await others.executeTakeFirst()) !== undefined) throw new ApplicationError('email_taken')
}

/** As `UsersInTransaction.isVerifiedByAnother`. */
export async function isVerifiedByAnother(
  trx: Database,
  { id, email }: Pick<User, 'id' | 'email'>,
): Promise<boolean> {
  if (email === undefined) return false
  await lockAddresses(trx, [email.key])
  const others = trx
    .selectFrom('users')
    .select('id')
    .where('email_key', '=', email.key)
    .where('email_verified', '=', true)
    .where('id', '!=', id)
  return (await others.executeTakeFirst()) !== undefined
}

/**
 * Waits until no other transaction decides about one of these addresses, and keeps others waiting until this one ends. All
 * in the same order, so that two transactions cannot wait for each other. Addresses share 256 locks, because a page of an import
 * has more addresses than a server has room for locks.
 */
export async function lockAddresses(trx: QueryExecutorProvider, emailKeys: readonly string[]): Promise<void> {
  await sql`
    select pg_advisory_xact_lock(7224561, number)
    from (select distinct hashtext(key) & 255 as number from unnest(${emailKeys}::text[]) as key order by 1) as numbers`.execute(
    trx,
  )
}
