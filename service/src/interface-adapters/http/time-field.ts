import { z } from 'zod'

const LAST_YEAR = 9999

/** Whether PostgreSQL can read the time as JavaScript writes it: with a year of four digits, and not before our era. */
export const isInCommonEra = (time: Date): boolean => {
  const year = time.getUTCFullYear()
  return year >= 1 && year <= LAST_YEAR
}

/** A time in a query. With an offset it may lie outside of the years that its text shows. */
export const timeField = (description: string) =>
  z.iso
    .datetime({ offset: true })
    .refine((text) => isInCommonEra(new Date(text)))
    .meta({ description, examples: ['2026-01-31T12:00:00Z'] })
