// What the tests really opened: written down by them, read by the closing lines.
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { inject } from 'vitest'

/** `name` as in "PostgreSQL 15.18 (private cluster)". Other processes write to the same file. */
export const recordOpenedDatabase = (name: string): void =>
  appendFileSync(inject('openedDatabases'), `${name}\n`)

export const readOpenedDatabases = (file: string): string[] =>
  existsSync(file) ? [...new Set(readFileSync(file, 'utf8').trim().split('\n'))].sort() : []
