import { ApplicationError } from '../../application/errors.ts'
import { UnreadableSigningKeys } from '../../application/signing-keys/unreadable-signing-keys.ts'
import { DataFolderError } from '../embedded/data-folder.ts'
import { explainRefusal } from '../postgres/explain-refusal.ts'
import { UnsuitableDatabase } from '../postgres/unsuitable-database.ts'
import { serverError } from '../postgres/unavailable.ts'
import { SettingsError } from '../settings/settings-reader.ts'

/** Their messages are for operators. */
const EXPLAINED = [SettingsError, DataFolderError, UnsuitableDatabase, UnreadableSigningKeys]

/** Explains in a line what an operator can correct. Anything else is a fault and keeps its stack. */
export const explainFailure = (error: unknown): string => explanationOf(error) ?? withStack(error)

/** A line that says what an operator can correct. Undefined for a fault. */
export function explanationOf(error: unknown): string | undefined {
  if (EXPLAINED.some((kind) => error instanceof kind)) return (error as Error).message
  if (error instanceof ApplicationError && error.code === 'unavailable') return explainDatabase(error.cause)
  if (serverError(error) !== undefined) return explainDatabase(error)
  return explainListening(error as ListeningError)
}

interface ListeningError {
  readonly code?: string
  readonly syscall?: string
  readonly port?: number
  readonly address?: string
  readonly hostname?: string
}

function explainListening({ code, syscall, port, address, hostname }: ListeningError): string | undefined {
  if (code === 'EADDRINUSE')
    return `Port ${port ?? ''} is in use. Stop what uses it, or set PORT and INTERNAL_PORT.`
  if (code === 'EACCES' && syscall === 'listen')
    return `Port ${port ?? ''} is not allowed for this user. Set PORT and INTERNAL_PORT to 1024 or more, with a proxy in front.`
  if (syscall === 'getaddrinfo' || code === 'EADDRNOTAVAIL')
    return `"${hostname ?? address ?? ''}" is not an address of this machine. Correct HOST or INTERNAL_HOST.`
  return undefined
}

function withStack(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

function explainDatabase(cause: unknown): string {
  if (cause instanceof UnsuitableDatabase) return cause.message
  const refusal = explainRefusal(cause)
  if (refusal !== undefined) return refusal
  const message = cause instanceof Error ? cause.message : String(cause)
  const state = serverError(cause)?.code
  if (state === undefined)
    return `The database cannot be reached: ${message}. Start it, or check DATABASE_URL.`
  if (state === '53100')
    return `The disk of the database is full: ${message}. Free some space, and start again.`
  return `The database refused: ${message}. Check DATABASE_URL.`
}
