import pg from 'pg'
import { expect, vi } from 'vitest'

/**
 * Waits until so many statements in the database wait for a lock. On a connection of its own: inside a transaction
 * PostgreSQL shows what others do as it was at the first look.
 */
export async function waitingForLocks(url: string, count: number, timeout = 10_000): Promise<void> {
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
