import pg from 'pg'
import type { Query } from './record-checker.ts'

/** Runs each statement on its own connection, outside the service: the server may change between statements. */
export const queryOn =
  (url: string): Query =>
  async <Row extends object>(text: string, values: readonly unknown[] = []): Promise<Row[]> => {
    const client = new pg.Client(url)
    // Without a listener, an `error` event from a dying server would end the test process.
    client.on('error', () => undefined)
    await client.connect()
    try {
      return (await client.query<Row>(text, [...values])).rows
    } finally {
      await client.end()
    }
  }
