import type { KeyPair, SigningAlgorithm, SigningKey } from '../../domain/signing-key.ts'

/** Where all instances keep the signing keys they share. */
export interface SigningKeyStore {
  /** In the order in which they sign. */
  all(): Promise<readonly SigningKey[]>

  /** Runs `work` while no other instance does: of several that start together one makes the key, the rest find it. */
  exclusively<T>(work: (keys: SigningKeysLocked) => Promise<T>): Promise<T>
}

export interface SigningKeysLocked {
  all(): Promise<readonly SigningKey[]>
  add(key: SigningKey): Promise<void>
  reseal(kid: string, sealedPrivateKey: string): Promise<void>
  removePublishedUntil(now: Date): Promise<void>
}

/** Makes key pairs and keeps their private half sealed under the service's secret. */
export interface KeyMaker {
  generate(algorithm: SigningAlgorithm): Promise<KeyPair>
  /**
   * `sealed`: by the present secret; `outdated`: by a previous one, seal it again; `lost`: by none of the secrets
   * this instance was given.
   */
  seal(key: SigningKey): { state: 'sealed' | 'lost' } | { state: 'outdated'; resealed: string }
}

/** The keys an instance works with. */
export interface KeyRing {
  /** Replaces the keys. Those it cannot open it publishes, but never signs with. */
  load(keys: readonly SigningKey[]): void
}
