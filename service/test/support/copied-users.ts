import { queryOn } from './database-query.ts'
import type { TestUser } from './test-client.ts'

/** Copies a user with the same password. Registering as many users would be a burst of hashing too. */
export async function copiesOf(person: TestUser, count: number, databaseUrl: string): Promise<TestUser[]> {
  const copies = await queryOn(databaseUrl)<{ username: string }>(
    `insert into users (username, username_key, email, email_key, email_verified, email_version, password_hash, password_version,
       roles, created_at)
     select name, name, name || '@example.org', name || '@example.org', false, 1, password_hash, 1, '{}', created_at
     from users, lateral (select 'copy' || number as name from generate_series(1, $2) as number) as names
     where id = $1 returning username`,
    [person.id, count],
  )
  return copies.map(({ username }) => ({ ...person, username }))
}
