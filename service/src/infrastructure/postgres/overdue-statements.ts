import type pg from 'pg'

/**
 * Whether the server works on a statement of the connections with this name that every caller has given up by now. Read
 * from the server's own list: it holds behind a pooler, and over connections that no longer carry anything.
 */
export async function hasOverdueStatements(watcher: pg.Pool, applicationName: string): Promise<boolean> {
  // Shorter than the deadline of callers, because a statement may reach the server late.
  const { rows } = await watcher.query<{ count: number }>(
    `select count(*)::int as count from pg_stat_activity
     where datname = current_database() and usename = current_user and starts_with(application_name, $1)
       and state = 'active' and state_change < clock_timestamp() - interval '2 s'`,
    [applicationName],
  )
  return rows[0]?.count !== 0
}
