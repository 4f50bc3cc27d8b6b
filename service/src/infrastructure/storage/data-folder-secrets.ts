import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DataFolderError } from './embedded/data-folder.ts'
import { flushFolder } from './embedded/flushing.ts'
import { weaknessOf } from './secret-strength.ts'

/** What a lost file costs, for the person who has to decide whether to delete what is left of it. */
const COSTS = {
  'auth-secret': 'and then everybody has to sign in again',
  'service-key': 'and then other services and operators need the new one',
} as const

/**
 * Reads a secret the service keeps for itself in its data folder; makes it on the first start. The caller holds the
 * folder. The file appears whole or not at all. One that is empty, cut short or full of zeroes, as after a crash of
 * the machine or an edit by hand, is refused with a DataFolderError and never replaced: it may be in a backup.
 */
export function secretIn(folder: string, name: keyof typeof COSTS): { value: string; path: string } {
  const path = join(folder, name)
  try {
    if (!existsSync(path)) makeSecret(folder, path)
    const value = readFileSync(path, 'utf8').trim()
    refuseWeak(value, path, COSTS[name])
    return { value, path }
  } catch (error) {
    if (error instanceof DataFolderError) throw error
    const reason = error instanceof Error ? error.message : String(error)
    throw new DataFolderError(
      `The secret in ${path} cannot be read or made: ${reason}. Let this user read and write it.`,
      error,
    )
  }
}

function makeSecret(folder: string, path: string): void {
  const unfinished = `${path}.new`
  // One that is left over may have another mode.
  rmSync(unfinished, { force: true })
  writeFileSync(unfinished, randomBytes(32).toString('base64url'), { mode: 0o600, flush: true })
  renameSync(unfinished, path)
  flushFolder(folder)
}

function refuseWeak(secret: string, path: string, cost: string): void {
  const weakness = weaknessOf(secret)
  if (weakness === undefined) return
  throw new DataFolderError(
    `The secret in ${path} is damaged: it ${weakness}. Put a backup of the file in its place. Without one, delete it: the next start makes another, ${cost}.`,
  )
}
