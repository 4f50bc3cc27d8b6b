import { sql, type QueryExecutorProvider } from 'kysely'
import type { Claims, Holdings } from '../../application/ports/imported-users.ts'
import type { UserId } from '../../domain/user.ts'
import { lockAddresses } from './email-holders.ts'

/** As `ImportTransaction.holdings`. */
export async function readHoldings(
  db: QueryExecutorProvider,
  { ids, usernameKeys, looks, emailKeys }: Claims,
): Promise<Holdings> {
  // No unique index keeps others from the addresses meanwhile.
  await lockAddresses(db, emailKeys)
  const holders = await sql<{ id: UserId; username_key: string; email_key: string | null }>`
    select id, username_key, email_key from users
    where id = any(${ids}::bigint[]) or username_key = any(${usernameKeys}::text[]) or email_key = any(${emailKeys}::text[])
  `.execute(db)
  const owned = await sql<{ look: string; user_id: UserId }>`
    select look, user_id from username_looks where look = any(${looks}::text[])`.execute(db)
  const held = await sql<{ name: string }>`
    select name from unnest(${[...usernameKeys, ...looks]}::text[]) as name
    join released_names on hash = sha256(convert_to(name, 'UTF8'))`.execute(db)
  return {
    holders: holders.rows.map(({ id, username_key, email_key }) => ({
      id,
      usernameKey: username_key,
      emailKey: email_key ?? undefined,
    })),
    looks: new Map(owned.rows.map(({ look, user_id }) => [look, user_id])),
    heldNames: new Set(held.rows.map(({ name }) => name)),
  }
}
