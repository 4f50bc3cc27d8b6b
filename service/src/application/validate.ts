import { InvalidValue } from '../domain/invalid-value.ts'
import { ApplicationError, type FieldProblem } from './errors.ts'

type Parsers = Record<string, () => unknown>
type Parsed<P extends Parsers> = { readonly [K in keyof P]: ReturnType<P[K]> }

/** Runs one parser per field and returns their values. Throws `validation_failed` naming every field that failed. */
export function validate<P extends Parsers>(parsers: P): Parsed<P> {
  const problems: FieldProblem[] = []
  const values = Object.entries(parsers).map(([field, parse]) => {
    try {
      return [field, parse()]
    } catch (error) {
      if (!(error instanceof InvalidValue)) throw error
      problems.push({ field, code: error.code, message: error.message })
      return [field, undefined]
    }
  })
  if (problems.length > 0) throw new ApplicationError('validation_failed', { fields: problems })
  return Object.fromEntries(values) as Parsed<P>
}

/** Refuses one field whose value is well-formed but not acceptable. */
export const refuseField = (field: string, { code, message }: InvalidValue): ApplicationError =>
  new ApplicationError('validation_failed', { fields: [{ field, code, message }] })
