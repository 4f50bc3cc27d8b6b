import type { InvalidValue } from '../../domain/invalid-value.ts'
import type { NewPassword } from '../../domain/password.ts'
import type { HashingShare } from './password-hasher.ts'

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
   * It may take milliseconds of a processor, so an adapter does it outside the event loop, bounds how many calls wait, and
   * throws `overloaded` beyond that bound or if a call takes far too long. Shares take turns as in PasswordHasher. Callers
   * take an attempt from a budget first.
   */
  objection(
    password: NewPassword,
    personal: readonly string[],
    share: HashingShare,
  ): Promise<InvalidValue | undefined>
}
