import pino, { type DestinationStream, type Logger } from 'pino'

/** Structured logs, one JSON object per line, each with a stable `event`. */
export const createLogger = (level: string, destination: DestinationStream = pino.destination(1)): Logger =>
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
