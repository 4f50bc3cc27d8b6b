// What the tests really opened: written down by them, read by the closing lines.
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { inject } from 'vitest'

/** `name` as in "PostgreSQL 15.18 (private cluster)". Other processes write to the same file. */
export const recordOpenedDatabase = (name: string): void =>
  appendFileSync(inject('openedDatabases'), `${name}\n`)

/** The embedded database, with the version of PostgreSQL it says it is. */
export function recordEmbeddedDatabase(serverVersion: string | undefined): void {
  // PGlite does not export its package.json.
  const manifest = new URL('../package.json', import.meta.resolve('@electric-sql/pglite'))
  const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }
  recordOpenedDatabase(`PGlite ${version} (PostgreSQL ${serverVersion ?? 'of unknown version'})`)
}

/** Also what browsers were opened. */
export const readOpened = (file: string): string[] =>
  existsSync(file) ? [...new Set(readFileSync(file, 'utf8').trim().split('\n'))].sort() : []
