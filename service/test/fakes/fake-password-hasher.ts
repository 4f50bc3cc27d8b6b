import { ApplicationError } from '../../src/application/errors.ts'
import type { PasswordHasher } from '../../src/application/ports/password-hasher.ts'
import { normalizePassword, type Password, type PasswordHash } from '../../src/domain/password.ts'

/** Keeps passwords in plain text, in the forms `fake$2$<password>` and, imported, `foreign$<as typed>`. */
export class FakePasswordHasher implements PasswordHasher {
  /** Stands for the parameters; hashes of another generation are outdated. */
  readonly #generation: number
  /** How many passwords were checked, those of nobody included. */
  verifications = 0
  /** While it is true, all is refused as `overloaded`. */
  isFull = false

  constructor(generation = 2) {
    this.#generation = generation
  }

  static foreignHash(typed: string): PasswordHash {
    return `foreign$${typed}` as PasswordHash
  }

  requireRoom(): void {
    if (this.isFull) throw new ApplicationError('overloaded', { retryAfterSeconds: 1 })
  }

  async hash(password: Password): Promise<PasswordHash> {
    await Promise.resolve()
    this.requireRoom()
    return `fake$${this.#generation}$${password}` as PasswordHash
  }

  async verify(
    typed: string,
    stored: PasswordHash | undefined,
  ): Promise<{ matches: boolean; outdated: boolean }> {
    await Promise.resolve()
    this.requireRoom()
    this.verifications += 1
    const [, generation, password] = /^fake\$(\d+)\$(.+)$/su.exec(stored ?? '') ?? []
    const own = password !== undefined && password === normalizePassword(typed)
    const foreign = stored === FakePasswordHasher.foreignHash(typed)
    const outdated = foreign || (own && generation !== String(this.#generation))
    return { matches: own || foreign, outdated }
  }
}

/** `hasher` but for what `changes` does in its place. */
export const hasherWith = (hasher: PasswordHasher, changes: Partial<PasswordHasher>): PasswordHasher => ({
  requireRoom: () => {
    hasher.requireRoom()
  },
  hash: (...given) => hasher.hash(...given),
  verify: (...given) => hasher.verify(...given),
  ...changes,
})
