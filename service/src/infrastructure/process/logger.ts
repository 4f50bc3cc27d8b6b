import pino, { type DestinationStream, type Logger } from 'pino'

/** Lines of a moment are written together: a write for each costs a busy instance more than to make them. At exit none is left. */
const toStandardOutput = () => pino.destination({ dest: 1, minLength: 4096, periodicFlush: 20 })

/** Structured logs, one JSON object per line, each with a stable `event`. */
export const createLogger = (level: string, destination: DestinationStream = toStandardOutput()): Logger =>
  pino(
    {
      level,
      base: { service: 'chat-auth' },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: describeError },
    },
    destination,
  )

/** An error's name, words, code and stack, and those of its causes. Never its other fields: drivers put values there. */
function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return { type: typeof error }
  const { name, message, stack, cause } = error
  const code = (error as NodeJS.ErrnoException).code
  return { type: name, message, code, stack, ...(cause !== undefined && { cause: describeError(cause) }) }
}
