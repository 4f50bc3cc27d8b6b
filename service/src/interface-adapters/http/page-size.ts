import { z } from 'zod'

/** The parameter `limit` of a list of these things. */
export const pageSize = (things: string, { maximum, standard }: { maximum: number; standard: number }) =>
  z.coerce
    .number()
    .int()
    .min(1)
    .max(maximum)
    .default(standard)
    .meta({
      description: `The maximum number of ${things} to return, up to ${maximum}.`,
      examples: [standard],
    })
