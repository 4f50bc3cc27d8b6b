import { ApplicationError } from '../../application/errors.ts'

/** SQLSTATE classes that speak of the server's state and not of the statement (PostgreSQL, appendix A). */
const SERVER_TROUBLE = new Set([
  '08', // connection exception
  '53', // out of disk, memory or connections
  '57', // shutdown, crash, cancelled by the deadline
  '58', // I/O error
])
/** Lock not available in time; read-only server, as a standby is before its promotion. */
const SERVER_STATES = new Set(['55P03', '25006'])

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
  if (error instanceof ApplicationError || !meansUnavailable(error)) return error
  return new ApplicationError('unavailable', { retryAfterSeconds: 2, cause: error })
}

function meansUnavailable(error: unknown): boolean {
  const state = serverError(error)?.code
  if (state !== undefined) return SERVER_TROUBLE.has(state.slice(0, 2)) || SERVER_STATES.has(state)
  // What is left are a socket's errors and the driver's deadlines, and mistakes of our own.
  return error instanceof Error && !(error instanceof TypeError || error instanceof RangeError)
}
