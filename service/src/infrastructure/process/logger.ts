import pino, { type DestinationStream, type Logger } from 'pino'

/** Batches lines for up to 20 ms: on a busy instance one write per line costs more than making the line. Flushed at exit. */
const toStandardOutput = () => pino.destination({ dest: 1, minLength: 4096, periodicFlush: 20 })

/** Structured logs, one JSON object per line, each with a stable `event`. */
export const createLogger = (level: string, destination: DestinationStream = toStandardOutput()): Logger =>
  pino(
    {
      level,
      base: { service: 'chat-auth' },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      // At level trace @fastify/multipart logs the headers of the request under this name, tokens included.
      serializers: { err: describeError, busboyOptions: () => undefined },
    },
    destination,
  )

/** Logs name, message, code and stack of an error and its causes, never other fields: drivers put values there. */
function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return { type: typeof error }
  const { name, message, stack, cause } = error
  const code = (error as NodeJS.ErrnoException).code
  return { type: name, message, code, stack, ...(cause !== undefined && { cause: describeError(cause) }) }
}
