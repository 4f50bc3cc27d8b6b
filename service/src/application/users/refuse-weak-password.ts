import type { EmailAddress } from '../../domain/email-address.ts'
import type { NewPassword } from '../../domain/password.ts'
import type { Username } from '../../domain/username.ts'
import type { PasswordStrength } from '../ports/password-strength.ts'
import { refuseField } from '../validate.ts'

/** Throws `validation_failed` for a password that is common or built from the user's name or address. */
export const refuseWeakPassword =
  ({ passwordStrength }: { passwordStrength: PasswordStrength }) =>
  (field: string, password: NewPassword, person: { username: Username; email: EmailAddress }): void => {
    const objection = passwordStrength.objection(password, [person.username.text, person.email.text])
    if (objection !== undefined) throw refuseField(field, objection)
  }
