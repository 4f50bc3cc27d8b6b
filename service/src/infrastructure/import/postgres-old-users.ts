import pg from 'pg'
import type { OldUser, OldUsers } from '../../application/ports/old-users.ts'
import { parseUserId, type UserId } from '../../domain/user.ts'
import { serverError, translate } from '../postgres/unavailable.ts'
import { DATABASE_IDENTITY } from './database-identity.ts'
import { CannotImport } from './cannot-import.ts'

const PAGE_SIZE = 1_000
const CONNECT_DEADLINE_MS = 10_000

/**
 * The table `users` of the old database, in one read-only transaction: the import cannot change it by mistake, and all pages
 * show the same moment even if the old service still runs.
 */
export class PostgresOldUsers implements OldUsers {
  readonly #client: pg.Client
  #database: string | undefined

  private constructor(client: pg.Client) {
    this.#client = client
  }

  /** As `DATABASE_IDENTITY`. */
  get database(): string | undefined {
    return this.#database
  }

  /** Throws CannotImport if there is no such table. */
  static async open(url: string): Promise<PostgresOldUsers> {
    const client = new pg.Client({
      connectionString: url,
      application_name: 'chat-auth import',
      keepAlive: true,
      connectionTimeoutMillis: CONNECT_DEADLINE_MS,
    })
    // A connection that dies fails the next statement; without a listener it would end the process.
    client.on('error', () => undefined)
    await client.connect().catch((error: unknown) => {
      throw explained(error)
    })
    const source = new PostgresOldUsers(client)
    try {
      source.#database = (await source.#query<{ identity: string }>(DATABASE_IDENTITY))[0]?.identity
      for (const statement of opening) await source.#query(statement)
      return source
    } catch (error) {
      await source.close()
      throw error
    }
  }

  async survey(limit: UserId): Promise<{ count: number; greatestId: UserId | undefined }> {
    const rows = await this.#query<{ count: string; greatest: string | null }>(
      `select count(*)::text as count, (max(id) filter (where id::numeric <= ${limit}))::text as greatest from users`,
    )
    return { count: Number(rows[0]?.count), greatestId: parseUserId(rows[0]?.greatest) }
  }

  async *pages(): AsyncGenerator<readonly OldUser[]> {
    for (;;) {
      const page = await this.#query<OldUser>(`fetch ${PAGE_SIZE} from old_users`)
      if (page.length === 0) return
      yield page
    }
  }

  async close(): Promise<void> {
    await this.#client.end().catch(() => undefined)
  }

  async #query<Row extends pg.QueryResultRow>(text: string): Promise<Row[]> {
    try {
      return (await this.#client.query<Row>(text)).rows
    } catch (error) {
      throw explained(error)
    }
  }
}

const opening = [
  'begin isolation level repeatable read read only',
  // This connection is idle while a page is being written to the new database.
  'set local idle_in_transaction_session_timeout = 0',
  'set local statement_timeout = 0',
  // A cursor reads each row once. Paging by id would miss rows without an id, and rows with the same id.
  `declare old_users no scroll cursor for
    select id::text as id, username::text as username, email::text as email, password::text as password,
      coalesce(avatar_url, '') <> '' as "hasPicture"
    from users order by users.id nulls first`,
]

/** SQLSTATE: no such table, no such column, no such type or operator for it. */
const ANOTHER_SHAPE = new Set(['42P01', '42703', '42883', '42846', '42804', '22P02'])

function explained(error: unknown): CannotImport {
  const reason = messageOf(error)
  if (ANOTHER_SHAPE.has(serverError(error)?.code ?? '')) {
    return new CannotImport(
      `The old database has no table users(id, username, password, email, avatar_url) of the expected types: ${reason}. Check that --from is the database of the old service.`,
      error,
    )
  }
  const isUnreachable = translate(error) !== error
  return new CannotImport(
    isUnreachable
      ? `The old database cannot be reached: ${reason}. Start it, or check --from.`
      : `The old database refused the import: ${reason}. Check the user name, password and privileges of --from.`,
    error,
  )
}

function messageOf(error: unknown): string {
  // A host with several addresses fails with one error per address, and no message of its own.
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error
  return first instanceof Error ? first.message : String(first)
}
