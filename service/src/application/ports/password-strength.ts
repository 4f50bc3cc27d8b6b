import type { InvalidValue } from '../../domain/invalid-value.ts'
import type { NewPassword } from '../../domain/password.ts'

/**
 * Recognises passwords that attackers try first (ASVS 6.2.4, 6.2.11, 6.2.12). It requires no kinds of characters and no
 * score. A password of random characters is refused only by a rare accident.
 */
export interface PasswordStrength {
  /**
   * Why `password` must not be used, or `undefined`: `too_common` for passwords that are known from breaches, follow a
   * common pattern or are built from the names of this service; `personal` for those built from `personal`, the user's names
   * and addresses. The message says why and what to do instead.
   *
   * It runs on the event loop, so an adapter bounds its work whatever it is given (zxcvbn: about 10 ms for the worst
   * 128 characters a search found, 25 ms for the first call), and callers take an attempt from a budget first.
   */
  objection(password: NewPassword, personal: readonly string[]): InvalidValue | undefined
}
