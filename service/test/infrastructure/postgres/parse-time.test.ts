import fc from 'fast-check'
import pg from 'pg'
import { expect, test } from 'vitest'
import { parseTime } from '../../../src/infrastructure/postgres/connect.ts'

const byDriver = pg.types.getTypeParser(pg.types.builtins.TIMESTAMPTZ) as (text: string) => unknown

const times = fc.date({
  min: new Date('1000-01-01T00:00:00Z'),
  max: new Date('9999-12-31T23:59:59Z'),
  noInvalidDate: true,
})
/** As PostgreSQL leaves out what is zero at the end. */
const fractions = fc.nat(999_999).map((micros) => {
  const digits = String(micros).padStart(6, '0').replace(/0+$/, '')
  return digits === '' ? '' : `.${digits}`
})

test('a time is read as the driver reads it', () => {
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
])('%s is left to the driver', (text) => {
  expect(parseTime(text)).toEqual(byDriver(text))
})
