import { ApplicationError } from '../../src/application/errors.ts'
import type { PasswordHasher } from '../../src/application/ports/password-hasher.ts'
import { normalizePassword, type Password, type PasswordHash } from '../../src/domain/password.ts'

/** Stores passwords in plain text, as `fake$2$<password>` or, if imported, as `foreign$<as typed>`. */
export class FakePasswordHasher implements PasswordHasher {
  /** Stands for the parameters; hashes of another generation are outdated. */
  readonly #generation: number
  /** How many passwords were checked, including those of unknown users. */
  verifications = 0
  /** While it is true, every call is refused as `overloaded`. */
  isFull = false

  constructor(generation = 2) {
    this.#generation = generation
  }

  static foreignHash(typed: string): PasswordHash {
    return `foreign$${typed}` as PasswordHash
  }

  requireCapacity(): void {
    if (this.isFull) throw new ApplicationError('overloaded', { retryAfterSeconds: 1 })
  }

  async hash(password: Password): Promise<PasswordHash> {
    await Promise.resolve()
    this.requireCapacity()
    return `fake$${this.#generation}$${password}` as PasswordHash
  }

  async verify(
    typed: string,
    stored: PasswordHash | undefined,
  ): Promise<{ matches: boolean; outdated: boolean }> {
    await Promise.resolve()
    this.requireCapacity()
    this.verifications += 1
    const [, generation, password] = /^fake\$(\d+)\$(.+)$/su.exec(stored ?? '') ?? []
    const own = password !== undefined && password === normalizePassword(typed)
    const foreign = stored === FakePasswordHasher.foreignHash(typed)
    const outdated = foreign || (own && generation !== String(this.#generation))
    return { matches: own || foreign, outdated }
  }
}

/** `hasher`, with the functions of `changes` instead of its own. */
export const hasherWith = (hasher: PasswordHasher, changes: Partial<PasswordHasher>): PasswordHasher => ({
  requireCapacity: () => {
    hasher.requireCapacity()
  },
  hash: (...given) => hasher.hash(...given),
  verify: (...given) => hasher.verify(...given),
  ...changes,
})
