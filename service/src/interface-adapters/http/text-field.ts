import { z } from 'zod'

/**
 * A field of text, limited in code points as OpenAPI counts them (`maxLength`). A UTF-16 unit is not a character: an
 * emoji has two.
 */
export const textField = (limit: number, example: string, description: string) =>
  z
    .string()
    .check(({ value, issues }) => {
      if (!isLonger(value, limit)) return
      issues.push({ code: 'too_big', origin: 'string', maximum: limit, inclusive: true, input: value })
    })
    .meta({ maxLength: limit, description, examples: [example] })

/** Counts only if the text is neither short enough in any case nor too long in any case. */
const isLonger = (text: string, limit: number): boolean =>
  text.length > limit && (text.length > 2 * limit || Array.from(text).length > limit)
