import { ApplicationError } from '../application/errors.ts'
import { DataFolderError } from './embedded/data-folder.ts'
import { serverError } from './postgres/unavailable.ts'
import { SettingsError } from './settings-reader.ts'

/** What is under way gets so long to finish, which is less than container engines wait; then the process ends anyway. */
const SHUTDOWN_LIMIT_MS = 8_000

interface Running {
  /** Printed for the person at the terminal. */
  readonly banner: string
  stop(): Promise<void>
}

/** Runs the service until it is told to stop (SIGTERM, SIGINT), then lets it finish. Also as a container's process 1. */
export async function runProcess(start: () => Promise<Running>): Promise<void> {
  let service: Running | undefined
  let isStopping = false
  const stop = (): void => {
    // Told again, it goes on finishing: npm passes on the SIGINT that a terminal has sent to both.
    if (isStopping) return
    isStopping = true
    void shutDown(service)
  }
  // Before the start, which may wait for the database: process 1 gets no signal it does not listen for.
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
  try {
    service = await start()
    process.stdout.write(service.banner)
  } catch (error) {
    process.stderr.write(`${explain(error)}\n`)
    process.exit(1)
  }
}

/** A start that is not done has nothing to finish: what it was writing becomes whole or not at all. */
async function shutDown(service: Running | undefined): Promise<void> {
  setTimeout(() => process.exit(1), SHUTDOWN_LIMIT_MS).unref()
  try {
    await service?.stop()
  } catch (error) {
    process.stderr.write(`The service did not stop in order: ${explain(error)}\n`)
    process.exit(1)
  }
  process.exit(0)
}

/** What a person can mend is said in a line; anything else with all there is to know. */
function explain(error: unknown): string {
  if (error instanceof SettingsError || error instanceof DataFolderError) return error.message
  if (error instanceof ApplicationError && error.code === 'unavailable') {
    return 'The database cannot be reached. Start it, or check DATABASE_URL.'
  }
  const { code, port } = error as { code?: string; port?: number }
  if (serverError(error) !== undefined)
    return `The database refused: ${(error as Error).message}. Check DATABASE_URL.`
  if (code === 'EADDRINUSE')
    return `Port ${port ?? ''} is in use. Stop what uses it, or set PORT and INTERNAL_PORT.`
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
