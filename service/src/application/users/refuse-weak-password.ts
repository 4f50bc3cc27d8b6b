import type { EmailAddress } from '../../domain/email-address.ts'
import type { NewPassword } from '../../domain/password.ts'
import type { Username } from '../../domain/username.ts'
import type { HashingShare } from '../ports/password-hasher.ts'
import type { PasswordStrength } from '../ports/password-strength.ts'
import { refuseField } from '../validate.ts'

interface Person {
  readonly username: Username
  readonly email: EmailAddress | undefined
}

/** Throws `validation_failed` for a password that is common or built from the user's name or address, or `overloaded`. */
export const refuseWeakPassword =
  ({ passwordStrength }: { passwordStrength: PasswordStrength }) =>
  async (field: string, password: NewPassword, person: Person, share: HashingShare): Promise<void> => {
    const { username, email } = person
    const names = email === undefined ? [username.text] : [username.text, email.text]
    const objection = await passwordStrength.objection(password, names, share)
    if (objection !== undefined) throw refuseField(field, objection)
  }
