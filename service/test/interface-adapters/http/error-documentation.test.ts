import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { InvalidValueCode } from '../../../src/domain/invalid-value.ts'
import { END_REASONS } from '../../../src/domain/session.ts'
import { problemTypes } from '../../../src/interface-adapters/http/problem-types.ts'

const documentation = readFileSync(join(import.meta.dirname, '../../../../docs/errors.md'), 'utf8')

/** The rows of the tables under a heading: their cells, the first one without its backticks. */
function rowsUnder(heading: string): string[][] {
  const section = documentation.split(/^## /m).find((part) => part.startsWith(heading)) ?? ''
  const lines = section.split('\n').filter((line) => line.startsWith('| `'))
  return lines.map((line) => {
    const [first = '', ...others] = line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim())
    return [first.replaceAll('`', ''), ...others]
  })
}
const namesUnder = (heading: string) => rowsUnder(heading).map(([name]) => name)

/** Every field error code. A missing one does not compile. */
const fieldCodes: Record<InvalidValueCode, true> = {
  required: true,
  unknown_field: true,
  invalid_type: true,
  too_short: true,
  too_long: true,
  invalid_characters: true,
  mixed_scripts: true,
  invalid_format: true,
  out_of_range: true,
  reserved: true,
  too_common: true,
  personal: true,
  incorrect: true,
  broken: true,
  animated: true,
  too_many_pixels: true,
}

describe('docs/errors.md', () => {
  test('docs/errors.md lists every error code exactly once', () => {
    expect(namesUnder('Errors').toSorted()).toEqual(Object.keys(problemTypes).toSorted())
  })

  test.each(Object.entries(problemTypes))(
    'docs/errors.md gives status, title, cause and advice for %s',
    (code, known) => {
      const [, status, title, when, advice] = rowsUnder('Errors').find(([name]) => name === code) ?? []
      expect([status, title]).toEqual([String(known.status), known.title])
      expect(when).toMatch(/^.{10,}\.$/)
      expect(advice).toMatch(/^.{10,}\.$/)
    },
  )

  test('docs/errors.md lists the errors in the order of their status', () => {
    const statuses = rowsUnder('Errors').map(([, status]) => Number(status))
    expect(statuses).toEqual(statuses.toSorted((a, b) => a - b))
  })

  test('docs/errors.md lists every field error code exactly once', () => {
    expect(namesUnder('Fields').toSorted()).toEqual(Object.keys(fieldCodes).toSorted())
  })

  test('docs/errors.md lists every session end reason exactly once', () => {
    expect(namesUnder('End reasons').toSorted()).toEqual(END_REASONS.toSorted())
  })
})
