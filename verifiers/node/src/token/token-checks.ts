import { readClaims, type CheckedClaims, type ExpectedClaims } from './claims.ts'
import type { KeySource } from './key-set.ts'
import { RecentMap } from './recent-map.ts'
import type { VerificationKey } from './signatures.ts'
import { readHeader, readPayload, splitToken, type TokenHeader } from './token-form.ts'
import { TokenRefused } from './token-refused.ts'

/** A token whose signature and claims were found good. Whether it is good at this moment is another question. */
export interface GenuineToken extends CheckedClaims {
  readonly key: VerificationKey
  /** The service knows, or will be told, that it was seen. */
  isReported: boolean
}

const HEADERS_REMEMBERED = 100

/** Finds out whether tokens are genuine, and remembers those that are. Nothing here waits. */
export class TokenChecks {
  readonly #keys: KeySource
  readonly #expected: ExpectedClaims
  readonly #remembered: RecentMap<string, GenuineToken>
  /** Of genuine tokens only; they all start the same, and strangers cannot fill it. */
  readonly #headers = new Map<string, TokenHeader>()

  constructor(keys: KeySource, expected: ExpectedClaims, cacheSize: number) {
    this.#keys = keys
    this.#expected = expected
    this.#remembered = new RecentMap(cacheSize)
  }

  get rememberedCount(): number {
    return this.#remembered.size
  }

  /** A token found genuine before, by a key that is still published. */
  recall(token: string): GenuineToken | undefined {
    const genuine = this.#remembered.get(token)
    if (genuine === undefined || this.#keys.find(genuine.key.kid) === genuine.key) return genuine
    this.#remembered.delete(token)
    return undefined
  }

  /** Examines a token from the start; undefined when its key is not known. Throws `TokenRefused`. */
  examine(token: unknown): GenuineToken | undefined {
    const parts = splitToken(token)
    const known = this.#headers.get(parts.header)
    const header = known ?? readHeader(parts.header)
    if (!(this.#keys.algorithms as ReadonlySet<string>).has(header.alg))
      throw new TokenRefused('wrong_algorithm')
    const key = this.#keys.find(header.kid)
    if (key === undefined) return undefined
    if (key.algorithm !== header.alg) throw new TokenRefused('wrong_algorithm')
    if (!key.verifies(parts.signed, parts.signature)) throw new TokenRefused('bad_signature')
    // Its own kind of token only (RFC 8725, section 3.11; RFC 9068, section 4).
    if (header.typ !== 'at+jwt') throw new TokenRefused('wrong_type')
    if (known === undefined) this.#rememberHeader(parts.header, header)
    return { ...readClaims(readPayload(parts.payload), this.#expected), key, isReported: false }
  }

  #rememberHeader(encoded: string, header: TokenHeader): void {
    if (this.#headers.size >= HEADERS_REMEMBERED) this.#headers.clear()
    this.#headers.set(ownCopy(encoded), header)
  }

  remember(token: string, genuine: GenuineToken): void {
    this.#remembered.set(ownCopy(token), genuine)
  }
}

/** A part of a string keeps the whole of it in memory, be it a header of 16 KiB. */
const ownCopy = (text: string): string => Buffer.from(text, 'latin1').toString('latin1')
