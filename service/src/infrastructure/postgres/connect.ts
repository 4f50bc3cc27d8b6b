import pg from 'pg'
import { uniqueName, withName } from './application-name.ts'
import { AbandonedConnections } from './abandoned-connections.ts'
import type { GuardedPool } from './guarded-driver.ts'
import {
  noDeadlines,
  prepareSession,
  requestDeadlines,
  type ConnectionForm,
  type Settings,
} from './session-settings.ts'

/** Limit for the wait for a free connection, and for a new one. */
const DEADLINE_MS = 3_000
/** Later than the server's own deadline: it is for a server that does not respond at all. */
const RESPONSE_DEADLINE_MS = DEADLINE_MS + 500

type Parser = (value: string) => unknown
const standardParser = pg.types.getTypeParser as (oid: number, format?: 'text' | 'binary') => Parser

const standardDate = standardParser(pg.types.builtins.TIMESTAMPTZ)
/** The form that PostgreSQL writes if the time zone of the session is UTC. */
const IN_UTC = /^[1-9]\d{3}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?\+00$/

/** Parses a time to the millisecond, rounded down. A session row has up to eight times, and the driver's own parser takes three times as long. */
export function parseTime(text: string): unknown {
  if (!IN_UTC.test(text)) return standardTime(text)
  const at = (index: number): number => 10 * text.charCodeAt(index) + text.charCodeAt(index + 1) - 11 * 48
  const milliseconds = text.length > 22 ? Math.floor(Number(text.slice(19, -3)) * 1_000) : 0
  const year = 100 * at(0) + at(2)
  return new Date(Date.UTC(year, at(5) - 1, at(8), at(11), at(14), at(17), milliseconds))
}

/** Infinite times are numbers. The driver's parser does not fail on a form that it does not know, and null would be 1970. */
function standardTime(text: string): unknown {
  const time = standardDate(text)
  if (Number.isNaN(Number(time ?? NaN)))
    throw new Error(`the database wrote a time as "${text}", not in ISO form`)
  return time
}

/** The OID of text[]. The driver has no name for it. */
const TEXTS = 1009
const standardTexts = standardParser(TEXTS)
/** An array without quotes, null or further dimensions. */
const PLAIN_TEXTS = /^\{[a-z0-9_,-]*\}$/

/** Parses roles and similar arrays, in a fraction of the time of the driver's own parser. */
export function parseTexts(text: string): unknown {
  if (!PLAIN_TEXTS.test(text)) return standardTexts(text)
  return text === '{}' ? [] : text.slice(1, -1).split(',')
}

const parsers = new Map<number, Parser>([
  // JavaScript numbers are enough: ids and sequences stay far below 2^53.
  [pg.types.builtins.INT8, Number],
  [pg.types.builtins.TIMESTAMPTZ, parseTime],
  [TEXTS, parseTexts],
])

/** How values are parsed. All other types use the driver's own parsers. */
export const pgTypes: pg.CustomTypesConfig = {
  getTypeParser: (oid: number, format) =>
    (format === 'binary' ? undefined : parsers.get(oid)) ?? standardParser(oid, format),
}

const straight: ConnectionForm = { pooling: 'none', schema: undefined }

/** The name of this service in the server's list of connections. */
const NAME = 'chat-auth'

/** A bounded pool with a deadline for every step, so that an unreachable database costs each caller little time. */
export function connectPool(url: string, size: number, form = straight): GuardedPool {
  const pool = connect({ connectionString: withName(url, NAME), max: size }, form, requestDeadlines)
  return Object.assign(pool, { responseDeadlineMs: RESPONSE_DEADLINE_MS })
}

export interface WatchedPool extends GuardedPool {
  readonly abandoned: AbandonedConnections
  /** By which the server's list shows the connections of this pool, and no others. */
  readonly applicationName: string
}

/**
 * The same, and a connection keeps its place while the server works on its overdue statement. `isServerBusy` gets the name
 * of the pool's connections, which no other pool has: its places do not depend on statements of others.
 */
export function connectWatchedPool(
  url: string,
  size: number,
  form: ConnectionForm,
  isServerBusy: (applicationName: string) => Promise<boolean>,
): WatchedPool {
  const applicationName = uniqueName(NAME)
  const address = withName(url, applicationName)
  const pool = connect({ connectionString: address, max: size }, form, requestDeadlines)
  const abandoned = new AbandonedConnections(() => isServerBusy(applicationName))
  return Object.assign(pool, { responseDeadlineMs: RESPONSE_DEADLINE_MS, abandoned, applicationName })
}

/** One connection for work that may take long and that no request waits for, such as migrations. */
export const connectWithoutDeadlines = (url: string): pg.Pool =>
  connect({ connectionString: withName(url, NAME), max: 1 }, straight, noDeadlines)

function connect(config: pg.PoolConfig, form: ConnectionForm, deadlines: Settings): pg.Pool {
  // The pool waits for it, although its types do not say so.
  const onConnect = (client: pg.ClientBase): unknown => prepareSession(client, form, deadlines)
  const pool = new pg.Pool({
    types: pgTypes,
    keepAlive: true,
    connectionTimeoutMillis: DEADLINE_MS,
    onConnect,
    ...config,
  })
  // A connection that dies is replaced, and the statement it was running fails. Without listeners its error would end the
  // process. The pool itself listens to idle connections only.
  pool.on('error', () => undefined)
  pool.on('connect', (client) => client.on('error', () => undefined))
  return pool
}
