import pg from 'pg'

/** How long a statement may take, and how long one may wait for a lock or a free connection. */
const DEADLINE_MS = 3_000

type Parser = (value: string) => unknown
const standardParser = pg.types.getTypeParser as (oid: number, format?: 'text' | 'binary') => Parser

const standardDate = standardParser(pg.types.builtins.TIMESTAMPTZ)
/** As PostgreSQL writes it where the session's time zone is UTC. */
const IN_UTC = /^[1-9]\d{3}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?\+00$/

/** To the millisecond, rounded down. A row of a session has up to eight of them, and the driver's own way takes three times as long. */
export function parseTime(text: string): unknown {
  if (!IN_UTC.test(text)) return standardDate(text)
  const at = (index: number): number => 10 * text.charCodeAt(index) + text.charCodeAt(index + 1) - 11 * 48
  const milliseconds = text.length > 22 ? Math.floor(Number(text.slice(19, -3)) * 1_000) : 0
  const year = 100 * at(0) + at(2)
  return new Date(Date.UTC(year, at(5) - 1, at(8), at(11), at(14), at(17), milliseconds))
}

/** Of text[]; the driver has no name for it. */
const TEXTS = 1009
const standardTexts = standardParser(TEXTS)
/** Without quotes, null or further dimensions. */
const PLAIN_TEXTS = /^\{[a-z0-9_,-]*\}$/

/** Roles and the like, in a fraction of the time that the driver's own way takes. */
export function parseTexts(text: string): unknown {
  if (!PLAIN_TEXTS.test(text)) return standardTexts(text)
  return text === '{}' ? [] : text.slice(1, -1).split(',')
}

const parsers = new Map<number, Parser>([
  // As JavaScript numbers: ids and sequences stay far below 2^53.
  [pg.types.builtins.INT8, Number],
  [pg.types.builtins.TIMESTAMPTZ, parseTime],
  [TEXTS, parseTexts],
])

/** How rows are read; the driver's own way for all other types. */
export const pgTypes: pg.CustomTypesConfig = {
  getTypeParser: (oid: number, format) =>
    (format === 'binary' ? undefined : parsers.get(oid)) ?? standardParser(oid, format),
}

const deadlines: pg.PoolConfig = {
  statement_timeout: DEADLINE_MS,
  lock_timeout: DEADLINE_MS,
  idle_in_transaction_session_timeout: 2 * DEADLINE_MS,
  // Later than the server's own deadline: it is for servers that do not answer at all.
  query_timeout: DEADLINE_MS + 500,
}

/** A bounded pool with a deadline on everything, so that a database that is away costs each caller little. */
export const connectPool = (url: string, size: number): pg.Pool =>
  connect({ connectionString: url, max: size, ...deadlines })

/** One connection for work that may take long and that nobody waits for: migrations. */
export const connectWithoutDeadlines = (url: string): pg.Pool => connect({ connectionString: url, max: 1 })

function connect(config: pg.PoolConfig): pg.Pool {
  const pool = new pg.Pool({
    types: pgTypes,
    application_name: 'chat-auth',
    keepAlive: true,
    connectionTimeoutMillis: DEADLINE_MS,
    ...config,
  })
  // A connection that dies is replaced, at work its statement fails; without listeners it would end the process. The
  // pool listens to idle connections only.
  pool.on('error', () => undefined)
  pool.on('connect', (client) => client.on('error', () => undefined))
  return pool
}
