import type { Password, PasswordHash } from '../../domain/password.ts'

/**
 * On whose behalf a password is hashed: the groups of the caller, the widest first. Callers that share a group take turns
 * inside it. See hashing-shares.ts.
 */
export type HashingShare = readonly string[]

/**
 * Turns passwords into hashes that may be stored, and checks passwords against them.
 *
 * An adapter bounds how many hashes run and how many wait. Beyond that bound all calls throw `overloaded` with
 * `retryAfterSeconds`, so a burst of sign-ins delays nothing but sign-ins: memory and CPU time stay bounded. The groups of a
 * share get the same number of hashes and of waiting places while they want more, so no group can keep the others out. A
 * call may throw `overloaded` while it waits, because its place went to a caller of a smaller group.
 */
export interface PasswordHasher {
  /**
   * Throws `overloaded` when `hash` and `verify` would throw it now. Callers use it before they count an attempt. It
   * reserves nothing, so the call that follows may still throw.
   *
   * A caller who does not know the share yet passes each that is possible. Then it throws if all of them would be refused,
   * or one that has other calls waiting.
   */
  requireCapacity(...shares: readonly HashingShare[]): void

  /** Throws `overloaded`. */
  hash(password: Password, share: HashingShare): Promise<PasswordHash>

  /**
   * Returns whether `typed` is the password of `stored`, and if so, whether the hash should be replaced because it is of
   * another kind or made with other parameters. A hash that does not match is never `outdated`. Throws `overloaded`.
   *
   * This service's own hashes are of the prepared password (`normalizePassword`), foreign ones of the bytes as typed. A
   * stored hash that cannot be read matches nothing.
   *
   * Every call does the same work, so that its time does not reveal whether a user exists (ASVS 6.3.8): without a stored
   * hash a dummy is checked. `foreignHashesInUse` says that the database holds hashes of another kind (imported ones);
   * then every call checks one hash of each kind. A hash made with other parameters costs what those parameters cost,
   * until its user signs in.
   */
  verify(
    typed: string,
    stored: PasswordHash | undefined,
    foreignHashesInUse: boolean,
    share: HashingShare,
  ): Promise<{ matches: boolean; outdated: boolean }>
}
