import {
  CompiledQuery,
  PostgresDialect,
  type DatabaseConnection,
  type Driver,
  type QueryResult,
} from 'kysely'
import type pg from 'pg'
import type { AbandonedConnections } from './abandoned-connections.ts'
import { isNamed } from './named-statement.ts'
import { retryConflicts } from './retry-conflicts.ts'
import { isConflict, translate, unavailable } from './unavailable.ts'

export interface GuardedPool extends pg.Pool {
  /** Limit for the response to a statement. */
  readonly responseDeadlineMs?: number | undefined
  /** Where connections go that the server has not let go; they are closed unless given. */
  readonly abandoned?: AbandonedConnections | undefined
}

/** PostgreSQL as kysely speaks it, over connections that are guarded. */
export class GuardedDialect extends PostgresDialect {
  readonly #pool: GuardedPool

  constructor(pool: GuardedPool) {
    super({ pool })
    this.#pool = pool
  }

  override createDriver(): Driver {
    return new GuardedDriver(this.#pool)
  }
}

/**
 * Runs kysely's queries on a pool. Errors become `unavailable` if they mean that, and named statements are prepared under
 * their names.
 */
class GuardedDriver implements Driver {
  readonly #pool: GuardedPool

  constructor(pool: GuardedPool) {
    this.#pool = pool
  }

  async init(): Promise<void> {
    // The pool connects when a connection is needed.
  }

  /** Always fails as `unavailable`: without a connection the request was not refused. */
  async acquireConnection(): Promise<GuardedConnection> {
    const client = await this.#pool.connect().catch((error: unknown) => {
      throw unavailable(error)
    })
    return new GuardedConnection(client, this.#pool)
  }

  /** At this level whatever the database's default is: statements count on seeing what was committed before them. */
  async beginTransaction(connection: GuardedConnection): Promise<void> {
    connection.isInTransaction = true
    await connection.executeQuery(CompiledQuery.raw('begin isolation level read committed'))
  }

  /** PostgreSQL turns the commit of a transaction with a failed statement into a rollback, without an error. */
  async commitTransaction(connection: GuardedConnection): Promise<void> {
    const { command } = await connection.executeQuery(CompiledQuery.raw('commit'))
    if (command === 'ROLLBACK')
      throw new Error('the transaction was rolled back: one of its statements failed')
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('rollback'))
  }

  releaseConnection(connection: GuardedConnection): Promise<void> {
    connection.release()
    return Promise.resolve()
  }

  destroy(): Promise<void> {
    return this.#pool.end()
  }
}

/** Several statements in one text have one result each; the types of the driver leave that out. */
const lastOf = <Result>(results: Result | Result[]): Result =>
  Array.isArray(results) ? (results.at(-1) as Result) : results

interface GuardedResult<Row> extends QueryResult<Row> {
  /** The first word of what PostgreSQL did. */
  readonly command: string
}

/**
 * A connection that missed its deadline is thrown away: its result may still arrive and would be taken for that of the next
 * statement. Until then every further statement fails with the first error, so that the log has the true cause.
 */
class GuardedConnection implements DatabaseConnection {
  /** A conflict ends the whole transaction, so its statements are not repeated one by one. */
  isInTransaction = false
  readonly #client: pg.PoolClient
  readonly #pool: GuardedPool
  /** The error that broke the connection. */
  #failure: Error | undefined
  /** The statement that missed its deadline and has not ended. */
  #unfinished: Promise<unknown> | undefined

  constructor(client: pg.PoolClient, pool: GuardedPool) {
    this.#client = client
    this.#pool = pool
    // The server can end a connection that waits between two statements, and says why.
    client.on('error', this.#noteFailure)
  }

  executeQuery<Row>(query: CompiledQuery): Promise<GuardedResult<Row>> {
    return this.isInTransaction ? this.#run(query) : retryConflicts(() => this.#run<Row>(query))
  }

  async #run<Row>(query: CompiledQuery): Promise<GuardedResult<Row>> {
    // Anything more, a rollback too, would wait behind the statement that missed its deadline.
    if (this.#failure !== undefined) throw this.#failure
    try {
      const results = await this.#respond(
        this.#client.query<Row & pg.QueryResultRow>({
          name: isNamed(query) ? query.statementName : undefined,
          text: query.sql,
          values: [...query.parameters],
        }),
      )
      const { rows, rowCount, command } = lastOf(results)
      return { rows, numAffectedRows: BigInt(rowCount ?? 0), command }
    } catch (error) {
      const translated = translate(error)
      // A conflict does not break the connection.
      if (translated === error || isConflict(error)) throw translated
      throw this.#noteFailure(error)
    }
  }

  async #respond<T>(statement: Promise<T>): Promise<T> {
    const limit = this.#pool.responseDeadlineMs
    if (limit === undefined) return statement
    const deadline = Promise.withResolvers<never>()
    const timer = setTimeout(() => {
      this.#unfinished = statement
      deadline.reject(new Error('the response timed out'))
    }, limit)
    try {
      return await Promise.race([statement, deadline.promise])
    } finally {
      clearTimeout(timer)
    }
  }

  streamQuery(): never {
    throw new Error('rows are not streamed')
  }

  release(): void {
    this.#client.off('error', this.#noteFailure)
    const { abandoned } = this.#pool
    if (this.#unfinished !== undefined && abandoned !== undefined)
      abandoned.hold(this.#client, this.#unfinished)
    else this.#client.release(this.#failure !== undefined)
  }

  /** Returns the first failure. */
  readonly #noteFailure = (error: unknown): Error => (this.#failure ??= unavailable(error))
}
