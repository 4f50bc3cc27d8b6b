import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DataFolderError } from '../embedded/data-folder.ts'
import { flushFolder } from '../embedded/flushing.ts'
import { weaknessOf } from '../settings/secret-strength.ts'

/** The cost of a lost file. The operator reads it to decide whether to delete the damaged file. */
const COSTS = {
  'auth-secret': 'which needs the option --new-signing-keys, and then all users have to sign in again',
  'service-key': 'and then operators need the new one',
  'verifier-key': 'and then the services that verify tokens need the new one',
} as const

/**
 * Reads a secret that the service keeps in its data folder, and makes it on the first start. The caller holds the folder.
 * The file appears whole or not at all. A file that is empty, cut short or full of zeroes, as after a crash of the machine
 * or an edit by hand, is refused with a DataFolderError. It is never replaced, because a backup may have the real one.
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
      `The secret in ${path} cannot be read or made: ${reason}. Allow this user to read and write it.`,
      error,
    )
  }
}

function makeSecret(folder: string, path: string): void {
  const unfinished = `${path}.new`
  // A file left over from a crash may have another mode.
  rmSync(unfinished, { force: true })
  writeFileSync(unfinished, randomBytes(32).toString('base64url'), { mode: 0o600, flush: true })
  renameSync(unfinished, path)
  flushFolder(folder)
}

function refuseWeak(secret: string, path: string, cost: string): void {
  const weakness = weaknessOf(secret)
  if (weakness === undefined) return
  throw new DataFolderError(
    `The secret in ${path} is damaged: it ${weakness}. Restore the file from a backup. Without a backup, delete it: the next start makes a new one, ${cost}.`,
  )
}
