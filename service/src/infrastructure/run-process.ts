import { ApplicationError } from '../application/errors.ts'
import { DataFolderError } from './embedded/data-folder.ts'
import { serverError } from './postgres/unavailable.ts'
import { SettingsError } from './settings-reader.ts'

/** What is under way gets so long to finish; then the process ends all the same. */
const SHUTDOWN_LIMIT_MS = 15_000

interface Running {
  /** Printed for the person at the terminal. */
  readonly banner: string
  stop(): Promise<void>
}

/** Runs the service until it is told to stop (SIGTERM, SIGINT), then lets it finish. Also as a container's process 1. */
export async function runProcess(start: () => Promise<Running>): Promise<void> {
  try {
    const service = await start()
    process.stdout.write(service.banner)
    process.once('SIGTERM', () => void shutDown(service))
    process.once('SIGINT', () => void shutDown(service))
  } catch (error) {
    // What a person can mend is said in a line; anything else with all there is to know.
    const isExplained = error instanceof SettingsError || error instanceof DataFolderError
    const text = error instanceof Error && isExplained ? error.message : startFailure(error)
    process.stderr.write(`${text}\n`)
    process.exit(1)
  }
}

async function shutDown(service: Running): Promise<void> {
  setTimeout(() => process.exit(1), SHUTDOWN_LIMIT_MS).unref()
  await service.stop()
  process.exit(0)
}

function startFailure(error: unknown): string {
  if (error instanceof ApplicationError && error.code === 'unavailable') {
    return 'The database cannot be reached. Start it, or check DATABASE_URL.'
  }
  const { code, port } = error as { code?: string; port?: number }
  if (serverError(error) !== undefined) return `The database refused: ${(error as Error).message}. Check DATABASE_URL.`
  if (code === 'EADDRINUSE') return `Port ${port ?? ''} is in use. Stop what uses it, or set PORT and INTERNAL_PORT.`
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
