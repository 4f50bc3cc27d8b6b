import type { InvalidValue } from '../../domain/invalid-value.ts'
import type { NewPassword } from '../../domain/password.ts'

/**
 * Knows which passwords are guessed first (ASVS 6.2.4, 6.2.11, 6.2.12). It asks for no kinds of characters, only that
 * a guesser needs long.
 */
export interface PasswordStrength {
  /**
   * Why `password` must not be used, or `undefined`: `too_common` for passwords that are known from breaches or made
   * by a habit everybody has, `personal` for those built from `personal`, the person's own names and addresses. The
   * message tells the person why and what to do instead. Answers within about 30 ms whatever it is given: it runs
   * on the event loop.
   */
  objection(password: NewPassword, personal: readonly string[]): InvalidValue | undefined
}
