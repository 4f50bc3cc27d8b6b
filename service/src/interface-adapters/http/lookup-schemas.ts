import { z } from 'zod'
import { publicUser } from './user-schemas.ts'

const LOOKUP_MAXIMUM = 1_000
/** Enough for that many of the longest ids with spaces between them. */
export const LOOKUP_LIMIT_BYTES = 32 * 1024

export const lookupIds = z
  .array(z.int().positive())
  .max(LOOKUP_MAXIMUM)
  .meta({ description: 'Up to 1,000 ids of users.', examples: [[17, 18]] })

export const lookup = z.strictObject({ ids: lookupIds }).meta({ id: 'Lookup' })

export const lookedUp = z.object({ items: z.array(publicUser) }).meta({ id: 'LookedUp' })
