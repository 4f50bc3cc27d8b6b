import { pageSize } from './page-size.ts'
import { textField } from './text-field.ts'

export const usersPerPage = pageSize('users', { maximum: 100, standard: 20 })

export const usernamePart = textField(
  128,
  'ann',
  'Part of a username, in any case. There are no wildcards.',
).min(1)
