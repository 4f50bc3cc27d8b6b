import type { PostgresPool, PostgresPoolClient } from 'kysely'
import type pg from 'pg'
import { translate, unavailable } from './unavailable.ts'

/** Statements on hot paths, by their text: prepared once per connection under that name. */
const names = new Map<string, string>()

/** Declares a statement that each connection prepares once. */
export function prepared(name: string, text: string): string {
  names.set(text, name)
  return text
}

const VERB_AND_TABLE = /^\W*(\w+)(?:[^]*?\b(?:from|into|update|join)\s+"?(\w+))?/i

/** A statement without its values or the rest of its text: the name it was declared with, or its verb and first table. */
export function describeStatement(text: string): string {
  const [, verb = '', table = ''] = VERB_AND_TABLE.exec(text) ?? []
  return names.get(text) ?? `${verb} ${table}`.trimEnd()
}

/**
 * The pool as kysely uses it. Errors become `unavailable` where they mean that, and a connection that missed its
 * deadline is thrown away: its answer may still arrive and would be taken for the next one's. Until then whatever is
 * asked of it fails like the first statement did, so that the log has the true cause.
 */
export class GuardedPool implements PostgresPool {
  readonly #pool: pg.Pool

  constructor(pool: pg.Pool) {
    this.#pool = pool
  }

  /** Fails as `unavailable` whatever the reason: without a connection nobody was refused anything. */
  async connect(): Promise<PostgresPoolClient> {
    const client = await this.#pool.connect().catch((error: unknown) => {
      throw unavailable(error)
    })
    // Cursors, the other form of query, are not used.
    return new GuardedClient(client) as unknown as PostgresPoolClient
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
  /** What broke the connection. What follows on it would only say that it is broken. */
  #failure: Error | undefined

  constructor(client: pg.PoolClient) {
    this.#client = client
    // The server's last words on a connection that was waiting for its user.
    client.on('error', this.#noteFailure)
  }

  get processID(): number | undefined {
    return (this.#client as { processID?: number }).processID
  }

  async query(text: string, values: readonly unknown[] = []): Promise<never> {
    // Anything more, a rollback too, would wait behind the statement that missed its deadline.
    if (this.#failure !== undefined) throw this.#failure
    try {
      const name = names.get(text)
      const query = name === undefined ? { text, values: [...values] } : { name, text, values: [...values] }
      return (await this.#client.query(query)) as never
    } catch (error) {
      if (translate(error) === error) throw error
      throw this.#noteFailure(error)
    }
  }

  release(): void {
    this.#client.off('error', this.#noteFailure)
    this.#client.release(this.#failure !== undefined)
  }

  /** Answers the first one. */
  readonly #noteFailure = (error: unknown): Error => (this.#failure ??= unavailable(error))
}
