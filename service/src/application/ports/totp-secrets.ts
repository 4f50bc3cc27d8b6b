import type { TotpCode } from '../../domain/second-factor.ts'
import type { UserId } from '../../domain/user.ts'

declare const brand: unique symbol

/** A secret as it is stored: encrypted under a key that never reaches the store, and bound to its user. */
export type EncryptedTotpSecret = string & { readonly [brand]: true }

/** A new secret, in the forms in which an authenticator takes it. It is shown once. */
export interface NewTotpSecret {
  readonly encrypted: EncryptedTotpSecret
  /** Base32 without padding (RFC 4648), to be typed. */
  readonly text: string
  /** An `otpauth` URI with the names of the service and the user. */
  readonly uri: string
  /** The URI as a QR code: a picture as a `data:` URI. */
  readonly qr: string
}

/** The secrets that authenticators share with the service (RFC 6238). No I/O: the caller stores them. */
export interface TotpSecrets {
  /** The ids of the keys before the current one. A secret begins with the id of its key. */
  readonly previousKeyIds: readonly string[]

  create(userId: UserId, username: string): Promise<NewTotpSecret>

  /**
   * The time step whose code this is: that of `now`, the one before or the one after it. Undefined for any other code, and for
   * a secret that was encrypted with an unknown key or for another user. Takes the same time for every wrong code.
   */
  stepOf(secret: EncryptedTotpSecret, userId: UserId, code: TotpCode, now: Date): number | undefined

  /** The same secret, encrypted with the current key; undefined if it cannot be decrypted. */
  reencrypt(secret: EncryptedTotpSecret, userId: UserId): EncryptedTotpSecret | undefined
}
