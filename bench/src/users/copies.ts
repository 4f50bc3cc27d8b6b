import pg from 'pg'

/**
 * Adds `count` users, `p1@example.org` and so on, with the password of the one who signed up with `email`; returns its
 * hash.
 */
export async function addCopies(databaseUrl: string, email: string, count: number): Promise<string> {
  const client = new pg.Client(databaseUrl)
  await client.connect()
  try {
    await client.query(
      `insert into users (username, username_key, email, email_key, email_verified, email_version, password_hash,
         password_version, roles, created_at)
       select 'p' || n, 'p' || n, 'p' || n || '@example.org', 'p' || n || '@example.org', false, 1, password_hash,
         password_version, roles, created_at
       from users, generate_series(1, ${count}) as n where users.email = $1`,
      [email],
    )
    const { rows } = await client.query<{ password_hash: string }>(
      'select password_hash from users where email = $1',
      [email],
    )
    return rows[0]?.password_hash ?? ''
  } finally {
    await client.end()
  }
}
