import pg from 'pg'
import { withName } from './application-name.ts'
import { UnsuitableDatabase } from './unsuitable-database.ts'
import { serverError, unavailable } from './unavailable.ts'

/**
 * The pooler between the service and the database: none, one that gives a client the same connection for as long as it
 * stays, or one that gives it any connection for each transaction.
 */
export type Pooling = 'none' | 'session' | 'transaction'

const DEADLINE_MS = 3_000

/**
 * Finds out how a pooler at `url` works, and whether statements prepared by name work through it. Throws
 * UnsuitableDatabase if they do not, and `unavailable` if the database cannot be reached.
 */
export async function examinePooler(url: string): Promise<Pooling> {
  const clients = [client(url), client(url)] as const
  try {
    return await examine(...clients)
  } catch (error) {
    throw error instanceof UnsuitableDatabase ? error : explained(error)
  } finally {
    await Promise.all(clients.map((each) => each.end().catch(() => undefined)))
  }
}

/** Other clients of a busy pooler can take a connection just so that one attempt in six shows nothing. */
const ATTEMPTS = 20

async function examine(first: pg.Client, second: pg.Client): Promise<Pooling> {
  await first.connect()
  // A pooler gives its clients process ids of its own making.
  const { processID } = first as pg.Client & { processID: number | null }
  if ((await prepared(first)) === processID) return 'none'
  await second.connect()
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    if (await isShared(first, second)) return 'transaction'
  }
  return 'session'
}

/**
 * In transaction mode, a connection that has just become free goes to the next client. So the second client gets the
 * connection of the first one, and while it holds it in a transaction, the first one gets another.
 */
async function isShared(first: pg.Client, second: pg.Client): Promise<boolean> {
  const before = await prepared(first)
  await second.query('begin')
  const other = await prepared(second)
  const after = other === before ? other : await prepared(first)
  await second.query('rollback')
  return other === before || after !== before
}

/** The process that ran a statement prepared by name. */
async function prepared(on: pg.Client): Promise<number | undefined> {
  const { rows } = await on.query<{ pid: number }>({
    name: 'chat_auth_probe',
    text: 'select pg_backend_pid() as pid',
  })
  return rows[0]?.pid
}

function client(connectionString: string): pg.Client {
  const made = new pg.Client({
    connectionString: withName(connectionString, 'chat-auth'),
    connectionTimeoutMillis: DEADLINE_MS,
    query_timeout: DEADLINE_MS,
  })
  // A connection that dies fails its statement; without a listener it would end the process.
  made.on('error', () => undefined)
  return made
}

/** The statement has this name on the connection already, or the connection does not have it. */
const LOST_STATEMENTS = ['42P05', '26000']

function explained(error: unknown): Error {
  const message = error instanceof Error ? error.message : ''
  const isLost = LOST_STATEMENTS.includes(serverError(error)?.code ?? '')
  if (!isLost && !message.includes('statement pooling mode')) return unavailable(error)
  return new UnsuitableDatabase(
    `The pooler at DATABASE_URL does not keep prepared statements: ${message}. Set pool_mode = session; or use PgBouncer 1.21 or later with pool_mode = transaction and max_prepared_statements = 200, as in deploy/pgbouncer/pgbouncer.ini.`,
  )
}
