import { z } from 'zod'
import { textField } from './text-field.ts'

const MAXIMUM_PAGE_SIZE = 100
const DEFAULT_PAGE_SIZE = 20

export const pageSize = z.coerce
  .number()
  .int()
  .min(1)
  .max(MAXIMUM_PAGE_SIZE)
  .default(DEFAULT_PAGE_SIZE)
  .meta({
    description: `The maximum number of users to return, up to ${MAXIMUM_PAGE_SIZE}.`,
    examples: [DEFAULT_PAGE_SIZE],
  })

export const usernamePart = textField(
  128,
  'ann',
  'Part of a username, in any case. There are no wildcards.',
).min(1)
