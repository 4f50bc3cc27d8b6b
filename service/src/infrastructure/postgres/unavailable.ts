import { ApplicationError } from '../../application/errors.ts'

/** SQLSTATE classes that speak of the server's state and not of the statement (PostgreSQL, appendix A). */
const SERVER_TROUBLE = new Set([
  '08', // connection exception
  '53', // out of disk, memory or connections
  '57', // shutdown, crash, cancelled by the deadline
  '58', // I/O error
])
const SERVER_STATES = new Set([
  '55P03', // lock not available in time
  '25006', // read-only server, as a standby is before its promotion
  '25P03', // the transaction, and with it the connection, was idle for too long
  '25P04', // the transaction took too long
])

/** An error the server reported, by its SQLSTATE. The embedded database's errors are of another class than the driver's. */
export function serverError(error: unknown): { code: string; constraint: string | undefined } | undefined {
  if (!(error instanceof Error) || !('severity' in error) || !('code' in error)) return undefined
  const { code, constraint } = error as { code: unknown; constraint?: string }
  return typeof code === 'string' ? { code, constraint } : undefined
}

/** Deadlock or serialization failure: running the transaction again may succeed. */
export const isConflict = (error: unknown): boolean =>
  ['40P01', '40001'].includes(serverError(error)?.code ?? '')

/**
 * What a failed statement means to a caller: `unavailable` when the database is away or too slow, so that it is
 * answered 503 and never as a refusal; any other error as it is.
 */
export function translate(error: unknown): unknown {
  return error instanceof ApplicationError || !meansUnavailable(error) ? error : unavailable(error)
}

/** With what the server or the network said as its cause. */
export function unavailable(error: unknown): ApplicationError {
  // A name with several addresses fails with an error for each, and no words of its own.
  const cause: unknown = error instanceof AggregateError ? error.errors[0] : error
  return new ApplicationError('unavailable', { retryAfterSeconds: 2, cause })
}

function meansUnavailable(error: unknown): boolean {
  const state = serverError(error)?.code
  if (state !== undefined) return SERVER_TROUBLE.has(state.slice(0, 2)) || SERVER_STATES.has(state)
  // What is left are a socket's errors and the driver's deadlines, and mistakes of our own.
  return error instanceof Error && !(error instanceof TypeError || error instanceof RangeError)
}
