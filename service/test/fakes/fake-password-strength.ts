import type { PasswordStrength } from '../../src/application/ports/password-strength.ts'
import { InvalidValue } from '../../src/domain/invalid-value.ts'
import type { NewPassword } from '../../src/domain/password.ts'

/** Refuses passwords that start with "password" and those that contain a name of the user. */
export class FakePasswordStrength implements PasswordStrength {
  objection(password: NewPassword, personal: readonly string[]): Promise<InvalidValue | undefined> {
    return Promise.resolve(objectionTo(password, personal))
  }
}

function objectionTo(password: NewPassword, personal: readonly string[]): InvalidValue | undefined {
  if (personal.some((name) => password.includes(name))) {
    return new InvalidValue('personal', 'This password holds your name.')
  }
  if (password.startsWith('password')) return new InvalidValue('too_common', 'This password is well known.')
  return undefined
}
