// The tables of the README must match the code exactly.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { refusalResponse } from '../../src/adapters/refusal-response.ts'
import { TokenRefused } from '../../src/token/token-refused.ts'
import type { RefusalCode } from '../../src/token-types.ts'

const read = (path: string): string => readFileSync(join(import.meta.dirname, '../..', path), 'utf8')
const readme = read('README.md')
const types = read('src/types.ts') + read('src/token-types.ts')

/** The cells of each row under a heading whose first cell is code. */
function rowsUnder(heading: string): string[][] {
  const section = readme.split(/^## /m).find((text) => text.startsWith(heading)) ?? ''
  const rows = section.split('\n').filter((line) => line.startsWith('| `'))
  return rows.map((line) =>
    line
      .slice(1, -1)
      .split(' | ')
      .map((cell) => cell.trim()),
  )
}

const namesIn = (cells: readonly (string | undefined)[]): string[] =>
  cells.flatMap((cell = '') => [...cell.matchAll(/`(\w+)`/g)].map(([, name = '']) => name))

/** The names that `pattern` finds in a declaration of the types. */
function declared(opening: string, pattern: RegExp): string[] {
  const [, after = ''] = types.split(opening)
  const [body = ''] = after.split(/^}|^$/m).filter((text) => text.trim() !== '')
  return [...body.matchAll(pattern)].map(([, name = '']) => name)
}

const property = /^ {2}readonly (\w+)/gm

test('the README lists every refusal code with the status of the adapters', () => {
  const codes = declared('export type RefusalCode =', /'(\w+)'/g) as RefusalCode[]
  expect(codes.length).toBeGreaterThan(10)
  const documented = rowsUnder('Refusals').map(([code, status]) => [...namesIn([code]), Number(status)])
  expect(documented).toEqual(codes.map((code) => [code, refusalResponse(new TokenRefused(code)).status]))
})

test('the README lists every option', () => {
  const options = declared('export interface VerifierOptions {', property)
  expect(options).toContain('maxStalenessMs')
  expect(namesIn(rowsUnder('Options').map(([name]) => name))).toEqual(options)
})

test('the README lists every field of health()', () => {
  const fields = declared('export interface Health {', property)
  expect(fields).toContain('fresh')
  expect(new Set(namesIn(rowsUnder('Health').map(([name]) => name)))).toEqual(new Set(fields))
})
