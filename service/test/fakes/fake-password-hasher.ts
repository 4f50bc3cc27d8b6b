import type { PasswordHasher } from '../../src/application/ports/password-hasher.ts'
import { normalizePassword, type Password, type PasswordHash } from '../../src/domain/password.ts'

/** Keeps passwords in plain text, in the forms `fake$2$<password>` and, imported, `foreign$<as typed>`. */
export class FakePasswordHasher implements PasswordHasher {
  /** Stands for the parameters; hashes of another generation are outdated. */
  readonly #generation: number
  /** How many passwords were checked, those of nobody included. */
  verifications = 0

  constructor(generation = 2) {
    this.#generation = generation
  }

  static foreignHash(typed: string): PasswordHash {
    return `foreign$${typed}` as PasswordHash
  }

  hash(password: Password): Promise<PasswordHash> {
    return Promise.resolve(`fake$${this.#generation}$${password}` as PasswordHash)
  }

  verify(typed: string, stored: PasswordHash | undefined): Promise<{ matches: boolean; outdated: boolean }> {
    this.verifications += 1
    const [, generation, password] = /^fake\$(\d+)\$(.+)$/su.exec(stored ?? '') ?? []
    const own = password !== undefined && password === normalizePassword(typed)
    const foreign = stored === FakePasswordHasher.foreignHash(typed)
    const outdated = foreign || (own && generation !== String(this.#generation))
    return Promise.resolve({ matches: own || foreign, outdated })
  }
}
