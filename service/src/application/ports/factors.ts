import type { RecoveryCode } from '../../domain/recovery-code.ts'
import type { UserId } from '../../domain/user.ts'
import type { EncryptedTotpSecret } from './totp-secrets.ts'

export interface OwnFactors {
  /** When the authenticator was confirmed; undefined without one. */
  readonly totpAddedAt: Date | undefined
  readonly recoveryCodesLeft: number
}

/** The secret of an authenticator, as it is stored. */
export interface StoredTotp {
  readonly secret: EncryptedTotpSecret
  readonly createdAt: Date
  /** Undefined while it is pending: then it is not a factor yet. */
  readonly confirmedAt: Date | undefined
}

/** The second factors of users. Which kinds a user has stands in the user, too (`User.factors`). */
export interface Factors {
  find(userId: UserId): Promise<OwnFactors>

  /** Up to `limit` secrets that were encrypted with the keys of these ids, with their users. */
  encryptedWith(
    keyIds: readonly string[],
    limit: number,
  ): Promise<readonly (readonly [UserId, EncryptedTotpSecret])[]>

  /** Replaces `old` by `renewed`, if `old` is still the stored one. */
  reencrypt(userId: UserId, old: EncryptedTotpSecret, renewed: EncryptedTotpSecret): Promise<void>
}

/** The factors inside a transaction; the caller holds the user's lock. */
export interface FactorsInTransaction {
  totpOf(userId: UserId): Promise<StoredTotp | undefined>

  /** Keeps a new secret until it is confirmed. It replaces an earlier one. */
  addPendingTotp(userId: UserId, secret: EncryptedTotpSecret, now: Date): Promise<void>

  /** Makes the pending secret a factor. The code of this time step is used. */
  confirmTotp(userId: UserId, step: number, now: Date): Promise<void>

  /**
   * Uses the code of a time step: it compares the step with the last used one and stores it in one statement. Returns false if
   * the code of this step or of a later one was used before, unless that one is more than `STEPS_AHEAD` ahead. Of parallel
   * calls for one step exactly one gets true.
   */
  useStep(userId: UserId, step: number): Promise<boolean>

  /** Replaces the recovery codes. Only hashes are stored. */
  replaceRecoveryCodes(userId: UserId, codes: readonly RecoveryCode[]): Promise<void>

  /** Uses up a recovery code. Returns false if the user has no such code. Of parallel calls exactly one gets true. */
  spendRecoveryCode(userId: UserId, code: RecoveryCode): Promise<boolean>

  /** Removes all secrets and recovery codes of the user, pending ones included. */
  removeAll(userId: UserId): Promise<void>
}
