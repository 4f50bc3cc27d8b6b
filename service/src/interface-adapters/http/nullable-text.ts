import { z } from 'zod'

/** A text of a response that may be null. The description says when. */
export const nullableText = (example: string, description: string) =>
  z
    .string()
    .nullable()
    .meta({ description, examples: [example] })
