import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Reads a secret the service keeps for itself in its data folder; makes it on the first start. The caller holds the
 * folder. The file appears whole or not at all: an empty secret must never be taken for one.
 */
export function secretIn(folder: string, name: string): { value: string; path: string } {
  const path = join(folder, name)
  if (!existsSync(path)) {
    const unfinished = `${path}.new`
    writeFileSync(unfinished, randomBytes(32).toString('base64url'), { mode: 0o600, flush: true })
    renameSync(unfinished, path)
  }
  return { value: readFileSync(path, 'utf8').trim(), path }
}
