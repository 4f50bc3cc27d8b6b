import type { KeyMaker, KeyRing } from '../../src/application/ports/signing-keys.ts'
import {
  pickSigningKey,
  type KeyPair,
  type SigningAlgorithm,
  type SigningKey,
} from '../../src/domain/signing-key.ts'

/** For the whole process, as real key ids are for the world. */
let made = 0

/** Key pairs without cryptography: the encrypted half is the name of the secret it was encrypted under. */
export class FakeKeyMaker implements KeyMaker {
  readonly #current: string
  readonly #previous: readonly string[]
  readonly #decrypted = new Set<string>()

  constructor(current: string, previous: readonly string[]) {
    this.#current = current
    this.#previous = previous
  }

  generate(algorithm: SigningAlgorithm): Promise<KeyPair> {
    made += 1
    return Promise.resolve({
      kid: `key-${made}`,
      algorithm,
      publicJwk: {},
      encryptedPrivateKey: this.#current,
    })
  }

  checkEncryption(key: SigningKey): ReturnType<KeyMaker['checkEncryption']> {
    if (!this.canDecrypt(key)) return { state: 'lost' }
    return this.#previous.includes(key.encryptedPrivateKey)
      ? { state: 'outdated', reencrypted: this.#current }
      : { state: 'current' }
  }

  /** A key that was opened once stays usable, as with the real key maker. */
  canDecrypt({ kid, encryptedPrivateKey }: SigningKey): boolean {
    const isKnown = [this.#current, ...this.#previous].includes(encryptedPrivateKey)
    if (isKnown) this.#decrypted.add(kid)
    return isKnown || this.#decrypted.has(kid)
  }
}

export class FakeKeyRing implements KeyRing {
  readonly #keyMaker: FakeKeyMaker
  readonly #wanted: SigningAlgorithm
  #keys: readonly SigningKey[] = []
  #usable: readonly SigningKey[] = []

  constructor(keyMaker: FakeKeyMaker, wanted: SigningAlgorithm) {
    this.#keyMaker = keyMaker
    this.#wanted = wanted
  }

  load(keys: readonly SigningKey[]): void {
    this.#keys = keys
    this.#usable = keys.filter((key) => this.#keyMaker.canDecrypt(key))
  }

  signingKey(now: Date): SigningKey | undefined {
    return pickSigningKey(this.#usable, this.#wanted, now)
  }

  published(now: Date): readonly string[] {
    return this.#keys.filter(({ publishedUntil }) => publishedUntil > now).map(({ kid }) => kid)
  }
}
