import type { SigningKeysLocked, SigningKeyStore } from '../../src/application/ports/signing-keys.ts'
import type { SigningKey } from '../../src/domain/signing-key.ts'

/** Runs one piece of work after the other. The keys change only if the work succeeds. */
export class FakeSigningKeys implements SigningKeyStore {
  keys: readonly SigningKey[] = []
  #queue: Promise<unknown> = Promise.resolve()

  all(): Promise<readonly SigningKey[]> {
    return new LockedKeys(this.keys).all()
  }

  exclusively<T>(work: (keys: SigningKeysLocked) => Promise<T>): Promise<T> {
    const turn = this.#queue.then(async () => {
      const locked = new LockedKeys(this.keys)
      const result = await work(locked)
      this.keys = locked.keys
      return result
    })
    this.#queue = turn.catch(() => undefined)
    return turn
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

  reencrypt(kid: string, encryptedPrivateKey: string): Promise<void> {
    this.keys = this.keys.map((key) => (key.kid === kid ? { ...key, encryptedPrivateKey } : key))
    return Promise.resolve()
  }

  removePublishedUntil(now: Date): Promise<void> {
    this.keys = this.keys.filter(({ publishedUntil }) => publishedUntil > now)
    return Promise.resolve()
  }
}
