// docs/security.md has a row for each requirement of OWASP ASVS 5.0.0, chapters V6 to V10.
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { requirementRows } from '../../scripts/security-requirements.ts'
import { projectRoot } from './support/project-files.ts'

/** The levels of each section's requirements, in order: 6.1.1 is of level 1, 6.1.2 of level 2. */
const sections = {
  '6.1': '122',
  '6.2': '111111112222',
  '6.3': '11223333',
  '6.4': '112233',
  '6.5': '22222333',
  '6.6': '2223',
  '6.7': '33',
  '6.8': '2222',
  '7.1': '222',
  '7.2': '1111',
  '7.3': '22',
  '7.4': '11222',
  '7.5': '223',
  '7.6': '22',
  '8.1': '1233',
  '8.2': '1123',
  '8.3': '133',
  '8.4': '23',
  '9.1': '111',
  '9.2': '1222',
  '10.1': '22',
  '10.2': '223',
  '10.3': '22223',
  '10.4': '1111122222233333',
  '10.5': '22222',
  '10.6': '22',
  '10.7': '222',
}
const required = Object.entries(sections).flatMap(([section, levels]) =>
  Array.from(levels, (level, at) => `${section}.${at + 1} of level ${level}`),
)

const rows = readFileSync(new URL('docs/security.md', projectRoot), 'utf8')
  .split('\n')
  .filter((line) => /^\| \d+\.\d+\.\d+ /.test(line))
  .map((line) => {
    const [, number = '', level = '', , state = '', reason = ''] = line.split('|').map((cell) => cell.trim())
    const ids: readonly string[] = reason.match(/[A-Z]+(?:-[A-Z]+)*-\d+/g) ?? []
    return { number, level, state, reason, ids }
  })

test('every ASVS requirement of V6 to V10 has exactly one row in docs/security.md', () => {
  expect(rows.map(({ number, level }) => `${number} of level ${level}`)).toEqual(required)
})

test('every ASVS row is met with the id of tests, or says why it is not', () => {
  const unclear = rows.filter(({ state, reason, ids }) =>
    state === 'met' ? ids.length === 0 : !/^not (?:met|applicable)$/.test(state) || reason === '',
  )
  expect(unclear.map(({ number }) => number)).toEqual([])
})

test('every id in an ASVS row is that of a requirement with tests', () => {
  const tested = new Set(requirementRows().flatMap(({ id, files }) => (files.length > 0 ? [id] : [])))
  const unknown = rows.flatMap(({ number, ids }) =>
    ids.filter((id) => !tested.has(id)).map((id) => `${number}: ${id}`),
  )
  expect(unknown).toEqual([])
})

test('a requirement that cites a number of V6 to V10 is named in the ASVS row of this number', () => {
  const missing = requirementRows().flatMap(({ id, row }) =>
    rows
      .filter(({ number, ids }) => citations(row).includes(number) && !ids.includes(id))
      .map(({ number }) => `${number}: ${id}`),
  )
  expect(missing).toEqual([])
})

/** The numbers in brackets in a requirement's text, such as (RFC 8265; 6.2.1, 6.2.8). */
const citations = (row: string): string[] =>
  [...row.matchAll(/\(([^()]+)\)/g)].flatMap(([, bracket = '']) => bracket.match(/\b\d+\.\d+\.\d+\b/g) ?? [])
