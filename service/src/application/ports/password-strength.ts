import type { InvalidValue } from '../../domain/invalid-value.ts'
import type { NewPassword } from '../../domain/password.ts'

/**
 * Knows which passwords are guessed first (ASVS 6.2.4, 6.2.11, 6.2.12). It asks for no kinds of characters and for no
 * strength: what random characters make is never refused but by a rare accident.
 */
export interface PasswordStrength {
  /**
   * Why `password` must not be used, or `undefined`: `too_common` for passwords that are known from breaches, made by a
   * habit everybody has or of this service's name, `personal` for those built from `personal`, the person's own names and
   * addresses. The message tells the person why and what to do instead.
   *
   * It runs on the event loop, so an adapter bounds its work whatever it is given (zxcvbn: about 10 ms for the worst 128
   * characters a search found, 25 ms for the first call), and callers take an attempt from a budget first.
   */
  objection(password: NewPassword, personal: readonly string[]): InvalidValue | undefined
}
