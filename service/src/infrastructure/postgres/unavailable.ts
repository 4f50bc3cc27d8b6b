import { ApplicationError, unavailable as unavailableForCaller } from '../../application/errors.ts'

/** SQLSTATE classes about the state of the server, not about the statement (PostgreSQL, appendix A). */
const SERVER_TROUBLE = new Set([
  '08', // connection exception
  '53', // out of disk, memory or connections
  '57', // shutdown, crash, cancelled by the deadline
  '58', // I/O error
])
const CONFLICTS = ['40001', '40P01']
const SERVER_STATES = new Set([
  ...CONFLICTS, // serialization failure, deadlock
  '55P03', // lock not available in time
  '25006', // read-only server, as a standby is before its promotion
  '25P03', // the transaction was idle for too long, and its connection was closed
  '25P04', // the transaction took too long
  '42P05', // a statement prepared by another client of a pooler has this name
  '26000', // the prepared statement is on another connection of a pooler, or was removed
])

/** The SQLSTATE of an error that the server reported. Errors of the embedded database have another class than those of the driver. */
export function serverError(error: unknown): { code: string; constraint: string | undefined } | undefined {
  if (!(error instanceof Error) || !('severity' in error) || !('code' in error)) return undefined
  const { code, constraint } = error as { code: unknown; constraint?: string }
  return typeof code === 'string' ? { code, constraint } : undefined
}

/** A deadlock or a serialization failure: the transaction may succeed if it runs again. */
export function isConflict(error: unknown): boolean {
  const cause = error instanceof ApplicationError ? error.details.cause : error
  return CONFLICTS.includes(serverError(cause)?.code ?? '')
}

/**
 * Turns an error of an unreachable or slow database into `unavailable`, so that the response is 503 and never a refusal. Any
 * other error is returned as it is.
 */
export function translate(error: unknown): unknown {
  return error instanceof ApplicationError || !meansUnavailable(error) ? error : unavailable(error)
}

/** The error of the server or the network becomes the cause. */
export function unavailable(error: unknown): ApplicationError {
  // A host with several addresses fails with one error per address, and no message of its own.
  const cause: unknown = error instanceof AggregateError ? error.errors[0] : error
  return unavailableForCaller(reasonOf(cause), isConflict(cause) ? 1 : 2, cause)
}

/** For the caller, so in plain words: never what the server or the driver says. */
function reasonOf(cause: unknown): string {
  const state = serverError(cause)?.code
  if (state !== undefined) return REASONS.get(state) ?? REASONS.get(state.slice(0, 2)) ?? REFUSED
  const { code, message } = cause as Partial<NodeJS.ErrnoException>
  if (code !== undefined) return 'The database cannot be reached.'
  return /\btime(?:d |-)?out\b/i.test(message ?? '') ? TOO_SLOW : CONNECTION_LOST
}

const TOO_SLOW = 'The database did not respond in time.'
const CONNECTION_LOST = 'The connection to the database was lost.'
const REFUSED = 'The database refused the connection.'

/** By SQLSTATE, or by its class. */
const REASONS = new Map([
  ['08', CONNECTION_LOST],
  ['40', 'Other requests changed the same data at the same time.'],
  ['42P05', CONNECTION_LOST],
  ['26000', CONNECTION_LOST],
  ['53', 'The database is out of connections, memory or disk space.'],
  ['57', 'The database is restarting or was shut down.'],
  ['57014', TOO_SLOW],
  ['58', 'The database cannot read or write its files.'],
  ['55P03', 'Another request held the same data for too long.'],
  ['25006', 'The database does not accept changes at the moment.'],
  ['25P03', 'The request took too long, so the database cancelled it.'],
  ['25P04', 'The request took too long, so the database cancelled it.'],
])

function meansUnavailable(error: unknown): boolean {
  const state = serverError(error)?.code
  if (state !== undefined) return SERVER_TROUBLE.has(state.slice(0, 2)) || SERVER_STATES.has(state)
  // All others are errors of a socket, deadlines of the driver, or mistakes in our code.
  return error instanceof Error && !(error instanceof TypeError || error instanceof RangeError)
}
