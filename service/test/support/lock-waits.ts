import pg from 'pg'
import { expect, vi } from 'vitest'

/**
 * Waits until `count` statements in the database wait for a lock. It uses its own connection, because inside a
 * transaction PostgreSQL shows the activity of other connections as of the first query.
 */
export async function waitingForLocks(url: string, count: number, timeout = 60_000): Promise<void> {
  const observer = new pg.Client(url)
  await observer.connect()
  try {
    await vi.waitFor(
      async () => {
        const { rowCount } = await observer.query(
          `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
        )
        expect(rowCount).toBe(count)
      },
      { timeout },
    )
  } finally {
    await observer.end()
  }
}
