import type { FieldProblem } from '../../application/errors.ts'

export const unknownField = (path: readonly PropertyKey[]): FieldProblem => ({
  field: path.join('.'),
  code: 'unknown_field',
  message: 'This call has no such field. Check its name in the API documentation.',
})
