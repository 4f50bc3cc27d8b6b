import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'

const file = new URL('../../../assets/breached-passwords.bloom', import.meta.url)

/** Bits of the filter that one password sets. With 24 bits for each password, this is the best number. */
const BITS_OF_ONE = 17

/**
 * The 474,743 passwords of at least 8 characters among the million most common ones of breaches, as a Bloom filter of
 * 1.4 MB. It finds each of them, in capital or small letters, and about one in 100,000 other passwords by accident.
 */
export class BreachedPasswords {
  readonly #filter: Uint8Array

  private constructor(filter: Uint8Array) {
    this.#filter = filter
  }

  static async load(): Promise<BreachedPasswords> {
    return new BreachedPasswords(await readFile(file))
  }

  has(password: string): boolean {
    return bitsOf(password, this.#filter.length * 8).every(
      (bit) => ((this.#filter[bit >> 3] ?? 0) & (1 << (bit & 7))) !== 0,
    )
  }
}

/** Which bits of a Bloom filter stand for a password. Two parts of one hash make them all. */
export function bitsOf(password: string, filterBits: number): number[] {
  const hash = createHash('sha256').update(password.toLowerCase().normalize('NFC')).digest()
  const start = hash.readUInt32LE(0)
  const step = hash.readUInt32LE(4)
  return Array.from({ length: BITS_OF_ONE }, (_, index) => (start + index * step) % filterBits)
}
