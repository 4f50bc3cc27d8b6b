import type { PostgresPool, PostgresPoolClient } from 'kysely'
import type pg from 'pg'
import { ApplicationError } from '../../application/errors.ts'
import { translate } from './unavailable.ts'

/** Statements on hot paths, by their text: prepared once per connection under that name. */
const names = new Map<string, string>()

/** Declares a statement that each connection prepares once. */
export function prepared(name: string, text: string): string {
  names.set(text, name)
  return text
}

/**
 * The pool as kysely uses it. Errors become `unavailable` where they mean that, and a connection that missed its
 * deadline is thrown away: its answer may still arrive and would be taken for the next one's.
 */
export class GuardedPool implements PostgresPool {
  readonly #pool: pg.Pool

  constructor(pool: pg.Pool) {
    this.#pool = pool
  }

  async connect(): Promise<PostgresPoolClient> {
    try {
      // Cursors, the other form of query, are not used.
      return new GuardedClient(await this.#pool.connect()) as unknown as PostgresPoolClient
    } catch (error) {
      throw translate(error)
    }
  }

  get options(): object {
    return this.#pool.options
  }

  end(): Promise<void> {
    return this.#pool.end()
  }
}

class GuardedClient {
  readonly #client: pg.PoolClient
  #isBroken = false

  constructor(client: pg.PoolClient) {
    this.#client = client
  }

  get processID(): number | undefined {
    return (this.#client as { processID?: number }).processID
  }

  async query(text: string, values: readonly unknown[] = []): Promise<never> {
    // Anything more, a rollback too, would wait behind the statement that missed its deadline.
    if (this.#isBroken) throw new ApplicationError('unavailable', { retryAfterSeconds: 2 })
    try {
      const name = names.get(text)
      const query = name === undefined ? { text, values: [...values] } : { name, text, values: [...values] }
      return (await this.#client.query(query)) as never
    } catch (error) {
      const translated = translate(error)
      this.#isBroken ||= translated !== error
      throw translated
    }
  }

  release(): void {
    this.#client.release(this.#isBroken)
  }
}
