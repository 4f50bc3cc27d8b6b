import type { SigningKeysLocked, SigningKeyStore } from '../../src/application/ports/signing-keys.ts'
import type { SigningKey } from '../../src/domain/signing-key.ts'

/** One piece of work after the other; the keys change when it succeeds, and only then. */
export class FakeSigningKeys implements SigningKeyStore {
  keys: readonly SigningKey[] = []
  #queue: Promise<unknown> = Promise.resolve()

  all(): Promise<readonly SigningKey[]> {
    return new LockedKeys(this.keys).all()
  }

  exclusively<T>(work: (keys: SigningKeysLocked) => Promise<T>): Promise<T> {
    const result = this.#queue.then(async () => {
      const locked = new LockedKeys(this.keys)
      const answer = await work(locked)
      this.keys = locked.keys
      return answer
    })
    this.#queue = result.catch(() => undefined)
    return result
  }
}

class LockedKeys implements SigningKeysLocked {
  keys: readonly SigningKey[]

  constructor(keys: readonly SigningKey[]) {
    this.keys = keys
  }

  all(): Promise<readonly SigningKey[]> {
    return Promise.resolve(this.keys.toSorted((a, b) => +a.signsFrom - +b.signsFrom))
  }

  add(key: SigningKey): Promise<void> {
    if (this.keys.some(({ kid }) => kid === key.kid))
      return Promise.reject(new Error(`the key ${key.kid} exists`))
    this.keys = [...this.keys, key]
    return Promise.resolve()
  }

  reseal(kid: string, sealedPrivateKey: string): Promise<void> {
    this.keys = this.keys.map((key) => (key.kid === kid ? { ...key, sealedPrivateKey } : key))
    return Promise.resolve()
  }

  removePublishedUntil(now: Date): Promise<void> {
    this.keys = this.keys.filter(({ publishedUntil }) => publishedUntil > now)
    return Promise.resolve()
  }
}
