import pg from 'pg'
import type { Query } from './record-checker.ts'

/** Statements beside the service, on a connection for each of them: the server may be another one each time. */
export const queryOn =
  (url: string): Query =>
  async <Row extends object>(text: string, values: readonly unknown[] = []): Promise<Row[]> => {
    const client = new pg.Client(url)
    // A server that dies fails the statement; between two of them it would end the test's process.
    client.on('error', () => undefined)
    await client.connect()
    try {
      return (await client.query<Row>(text, [...values])).rows
    } finally {
      await client.end()
    }
  }
