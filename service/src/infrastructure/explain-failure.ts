import { ApplicationError } from '../application/errors.ts'
import { DataFolderError } from './embedded/data-folder.ts'
import { serverError } from './postgres/unavailable.ts'
import { SettingsError } from './settings-reader.ts'

/** What a person can mend is said in a line; anything else with all there is to know. */
export function explainFailure(error: unknown): string {
  if (error instanceof SettingsError || error instanceof DataFolderError) return error.message
  if (error instanceof ApplicationError && error.code === 'unavailable') return explainDatabase(error.cause)
  if (serverError(error) !== undefined) return explainDatabase(error)
  const { code, port } = error as { code?: string; port?: number }
  if (code === 'EADDRINUSE')
    return `Port ${port ?? ''} is in use. Stop what uses it, or set PORT and INTERNAL_PORT.`
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

function explainDatabase(cause: unknown): string {
  const words = cause instanceof Error ? cause.message : String(cause)
  return serverError(cause) === undefined
    ? `The database cannot be reached: ${words}. Start it, or check DATABASE_URL.`
    : `The database refused: ${words}. Check DATABASE_URL.`
}
