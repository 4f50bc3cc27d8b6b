import type { Password, PasswordHash } from '../../domain/password.ts'

/**
 * Turns passwords into hashes that may be stored, and checks them.
 *
 * An adapter bounds how many hashes run and how many wait; past that all calls throw `overloaded`
 * with `retryAfterSeconds`, so that a storm of sign-ins costs sign-ins only (memory and CPU stay bounded).
 */
export interface PasswordHasher {
  /**
   * Throws `overloaded` when `hash` and `verify` would at this moment; for before an attempt is counted. It keeps no
   * place, so the call that follows may still find none.
   */
  requireRoom(): void

  hash(password: Password): Promise<PasswordHash>

  /**
   * Whether `typed` is the password of `stored`, and then whether the hash should be replaced (other parameters, or a
   * foreign kind); a hash that does not match is never `outdated`. Own hashes are of the prepared password
   * (`normalizePassword`), foreign ones of the bytes as typed. A stored hash that cannot be read matches nothing.
   *
   * Spends the same work whatever it is given, so that time tells nobody whether a person exists
   * (ASVS 6.3.8): without a stored hash a dummy is checked. `foreignHashesInUse` says that the database
   * holds hashes of another kind (imported ones); then every call spends one check of each kind. A hash made with
   * other parameters costs what those cost until its person signs in.
   */
  verify(
    typed: string,
    stored: PasswordHash | undefined,
    foreignHashesInUse: boolean,
  ): Promise<{ matches: boolean; outdated: boolean }>
}
