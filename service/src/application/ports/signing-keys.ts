import type { Actor } from '../../domain/actor.ts'
import type { KeyPair, SigningAlgorithm, SigningKey } from '../../domain/signing-key.ts'

/** Where all instances keep the signing keys they share. */
export interface SigningKeyStore {
  /** All keys, in the order in which they sign. */
  all(): Promise<readonly SigningKey[]>

  /**
   * Runs `work` while no other instance does. If several instances start together, one makes the key and the others
   * find it.
   */
  exclusively<T>(work: (keys: SigningKeysLocked) => Promise<T>): Promise<T>
}

export interface SigningKeysLocked {
  all(): Promise<readonly SigningKey[]>
  /** Records in the audit log who made the key. */
  add(key: SigningKey, by: Actor, now: Date): Promise<void>
  reencrypt(kid: string, encryptedPrivateKey: string): Promise<void>
  removePublishedUntil(now: Date): Promise<void>
}

/** Makes key pairs and encrypts their private half under the service's secret. */
export interface KeyMaker {
  generate(algorithm: SigningAlgorithm): Promise<KeyPair>
  /**
   * `current`: encrypted under the current secret. `outdated`: under a previous one; encrypt it again. `lost`: under none of
   * the secrets of this instance.
   */
  checkEncryption(key: SigningKey): { state: 'current' | 'lost' } | { state: 'outdated'; reencrypted: string }
}

/** The keys an instance works with. */
export interface KeyRing {
  /** Replaces the keys. A key that this instance cannot decrypt is published, but never signs. */
  load(keys: readonly SigningKey[]): void
}
