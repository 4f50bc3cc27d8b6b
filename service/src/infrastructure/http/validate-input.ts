import type { z } from 'zod'
import { ApplicationError, type FieldProblem } from '../../application/errors.ts'
import type { InvalidValueCode } from '../../domain/invalid-value.ts'

type Checked = { value: unknown } | { error: Error }

/** Checks parameters and bodies against a route's schemas; what does not fit is `validation_failed`, field by field. */
export const validateInput =
  ({ schema }: { schema: z.ZodType }) =>
  (input: unknown): Checked => {
    // The input is looked at to tell what is missing from what is wrong; it goes no further.
    const { success, data, error } = schema.safeParse(input, { reportInput: true })
    if (success) return { value: data }
    return { error: new ApplicationError('validation_failed', { fields: firstOfEachField(error.issues) }) }
  }

/** An array where text belongs is of the wrong type, and may be too short besides: the first says enough. */
function firstOfEachField(issues: readonly z.core.$ZodIssue[]): FieldProblem[] {
  const problems = new Map<string, FieldProblem>()
  for (const problem of issues.map(toFieldProblem)) {
    if (!problems.has(problem.field)) problems.set(problem.field, problem)
  }
  return [...problems.values()]
}

function toFieldProblem(issue: z.core.$ZodIssue): FieldProblem {
  const code = fieldCode(issue)
  return { field: issue.path.join('.') || 'body', code, message: fieldMessage(code, issue) }
}

function fieldCode(issue: z.core.$ZodIssue): InvalidValueCode {
  if (issue.code === 'too_big') return hasLength(issue) ? 'too_long' : 'invalid_format'
  if (issue.code === 'too_small') return hasLength(issue) ? 'too_short' : 'invalid_format'
  if (issue.code === 'invalid_type') return isMissing(issue) ? 'required' : 'invalid_type'
  return issue.code === 'invalid_format' && issue.format === 'regex' ? 'invalid_characters' : 'invalid_format'
}

const hasLength = ({ origin }: { origin: string }): boolean => origin === 'string' || origin === 'array'

/** A body that was not sent arrives as null. */
const isMissing = ({ path, input }: z.core.$ZodIssue): boolean =>
  path.length === 0 ? input === null : input === undefined

function fieldMessage(code: InvalidValueCode, issue: z.core.$ZodIssue): string {
  if (code === 'required') return issue.path.length === 0 ? 'Send a JSON object.' : 'This field is required.'
  if (code === 'too_long' && issue.code === 'too_big')
    return `Use at most ${issue.maximum} ${issue.origin === 'array' ? 'entries' : 'characters'}.`
  if (code === 'too_short') return 'Use at least one character.'
  if (issue.code === 'invalid_type') return `This has to be of the type ${issue.expected}.`
  if (code === 'invalid_characters') return 'This holds characters that cannot be kept. Leave them out.'
  return 'This value is not one of those allowed.'
}
