import fc from 'fast-check'
import pg from 'pg'
import { expect, test } from 'vitest'
import { parseTexts, parseTime, pgTypes } from '../../../src/infrastructure/postgres/connect.ts'

const parserOfDriver = pg.types.getTypeParser as (oid: number) => (text: string) => unknown
const byDriver = parserOfDriver(pg.types.builtins.TIMESTAMPTZ)

const times = fc.date({
  min: new Date('1000-01-01T00:00:00Z'),
  max: new Date('9999-12-31T23:59:59Z'),
  noInvalidDate: true,
})
/** As PostgreSQL does, without trailing zeros. */
const fractions = fc.nat(999_999).map((micros) => {
  const digits = String(micros).padStart(6, '0').replace(/0+$/, '')
  return digits === '' ? '' : `.${digits}`
})

test('a time is parsed as the driver parses it', () => {
  fc.assert(
    fc.property(times, fractions, (time, fraction) => {
      const text = `${time.toISOString().slice(0, 19).replace('T', ' ')}${fraction}+00`
      expect(parseTime(text)).toEqual(byDriver(text))
    }),
    { numRuns: 2_000 },
  )
})

test.each([
  '2026-11-28 20:22:08.5+05:30',
  '2026-11-28 20:22:08-03',
  '0044-03-15 12:00:00+00 BC',
  '12026-11-28 20:22:08+00',
  '0026-11-28 20:22:08+00',
  'infinity',
  '-infinity',
])('%s is parsed by the driver', (text) => {
  expect(parseTime(text)).toEqual(byDriver(text))
})

test.each(['28.11.2026 20:22:08 UTC', '28/11/2026 20:22:08 UTC', 'Sat Nov 28 20:22:08 2026 UTC', ''])(
  'a time in the form %j is an error, never 1970',
  (text) => {
    expect(() => parseTime(text)).toThrow('not in ISO form')
  },
)

const TEXTS = 1009
const textsByDriver = parserOfDriver(TEXTS)

test('an array of texts is parsed as the driver parses it', () => {
  const words = fc.stringMatching(/^[a-z0-9_-]{1,12}$/)
  fc.assert(
    fc.property(fc.array(words, { maxLength: 5 }), (texts) => {
      const text = `{${texts.join(',')}}`
      expect(parseTexts(text)).toEqual(textsByDriver(text))
      expect(parseTexts(text)).toEqual(texts)
    }),
  )
})

test.each([
  '{NULL}',
  '{"null"}',
  '{"a b","c,d"}',
  '{"",a}',
  '{"\\"\\\\"}',
  '{{a,b},{c,d}}',
  '[0:1]={a,b}',
  '{é}',
])('%s is parsed by the driver', (text) => {
  expect(parseTexts(text)).toEqual(textsByDriver(text))
})

test('rows are read with the parsers for times and arrays', () => {
  const parserOf = pgTypes.getTypeParser as (oid: number, format: string) => unknown
  expect(parserOf(TEXTS, 'text')).toBe(parseTexts)
  expect(parserOf(pg.types.builtins.TIMESTAMPTZ, 'text')).toBe(parseTime)
})
