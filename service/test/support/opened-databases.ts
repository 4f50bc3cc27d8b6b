// Tests record here which databases they really opened; the closing lines print them.
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { inject } from 'vitest'

/** `name` is, for example, "PostgreSQL 15.18 (private cluster)". Other processes write to the same file. */
export const recordOpenedDatabase = (name: string): void =>
  appendFileSync(inject('openedDatabases'), `${name}\n`)

/** Records the embedded database with the PostgreSQL version it reports. */
export function recordEmbeddedDatabase(serverVersion: string | undefined): void {
  // PGlite does not export its package.json.
  const manifest = new URL('../package.json', import.meta.resolve('@electric-sql/pglite'))
  const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }
  recordOpenedDatabase(`PGlite ${version} (PostgreSQL ${serverVersion ?? 'of unknown version'})`)
}

/** Also reads the list of opened browsers. */
export const readOpened = (file: string): string[] =>
  existsSync(file) ? [...new Set(readFileSync(file, 'utf8').trim().split('\n'))].sort() : []
