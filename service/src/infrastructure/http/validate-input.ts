import type { z } from 'zod'
import { ApplicationError, type FieldProblem } from '../../application/errors.ts'
import type { InvalidValueCode } from '../../domain/invalid-value.ts'
import { unknownField } from './unknown-field.ts'

/** Of each object. A body may have tens of thousands of unknown fields. */
const REPORTED_KEYS = 10

type Checked = { value: unknown } | { error: Error }

/** Checks parameters and bodies against the schemas of a route. Invalid input is `validation_failed`, field by field. */
export const validateInput =
  ({ schema }: { schema: z.ZodType }) =>
  (input: unknown): Checked => {
    // The input is needed to tell a missing field from a wrong one. It is not included in the error.
    const { success, data, error } = schema.safeParse(input, { reportInput: true })
    if (success) return { value: data }
    return { error: new ApplicationError('validation_failed', { fields: firstOfEachField(error.issues) }) }
  }

/** Keeps the first problem of each field: a wrong type explains the others. */
function firstOfEachField(issues: readonly z.core.$ZodIssue[]): FieldProblem[] {
  const problems = new Map<string, FieldProblem>()
  for (const problem of issues.flatMap(toFieldProblems)) {
    if (!problems.has(problem.field)) problems.set(problem.field, problem)
  }
  return [...problems.values()]
}

function toFieldProblems(issue: z.core.$ZodIssue): FieldProblem[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.slice(0, REPORTED_KEYS).map((key) => unknownField([...issue.path, key]))
  }
  const code = fieldCode(issue)
  return [{ field: issue.path.join('.') || 'body', code, message: fieldMessage(code, issue) }]
}

function fieldCode(issue: z.core.$ZodIssue): InvalidValueCode {
  if (issue.code === 'too_big') return hasLength(issue) ? 'too_long' : 'invalid_format'
  if (issue.code === 'too_small') return hasLength(issue) ? 'too_short' : 'invalid_format'
  if (issue.code === 'invalid_type') return isMissing(issue) ? 'required' : 'invalid_type'
  return issue.code === 'invalid_format' && issue.format === 'regex' ? 'invalid_characters' : 'invalid_format'
}

const hasLength = ({ origin }: { origin: string }): boolean => origin === 'string' || origin === 'array'

/** A missing body arrives as null. */
const isMissing = ({ path, input }: z.core.$ZodIssue): boolean =>
  path.length === 0 ? input === null : input === undefined

function fieldMessage(code: InvalidValueCode, issue: z.core.$ZodIssue): string {
  if (code === 'required') return issue.path.length === 0 ? 'Send a JSON object.' : 'This field is required.'
  if (code === 'too_long' && issue.code === 'too_big')
    return `Must have at most ${issue.maximum} ${issue.origin === 'array' ? 'entries' : 'characters'}.`
  if (code === 'too_short') return 'Must not be empty.'
  if (issue.code === 'too_big') return `Must be at most ${issue.maximum}.`
  if (issue.code === 'too_small')
    return `Must be ${issue.inclusive === true ? 'at least' : 'more than'} ${issue.minimum}.`
  if (issue.code === 'invalid_type') return `Must be of type ${issue.expected}.`
  if (code === 'invalid_characters') return 'Contains characters that are not allowed. Remove them.'
  return 'This value is not allowed. See the API documentation for valid values.'
}
