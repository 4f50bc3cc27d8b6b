import { RecentMap } from '../recent-map.ts'
import { readClaims, type CheckedClaims, type ExpectedClaims } from './claims.ts'
import { readDeliveryClaims, type CheckedDelivery } from './delivery-claims.ts'
import type { KeySource } from './key-source.ts'
import type { VerificationKey } from './signatures.ts'
import { readHeader, readPayload, splitToken, type TokenHeader } from './token-form.ts'
import { TokenRefused } from './token-refused.ts'

/** A token with a valid signature and well-formed claims. It may have expired or its session may have ended. */
export interface GenuineToken extends CheckedClaims {
  readonly key: VerificationKey
  /** True once a receipt for it is queued. */
  isReported: boolean
}

interface SignedPayload {
  readonly payload: Record<string, unknown>
  readonly key: VerificationKey
}

const HEADER_LIMIT = 100

/** Checks signature and claims of tokens synchronously, and caches genuine ones. */
export class TokenChecks {
  readonly #keys: KeySource
  readonly #expected: ExpectedClaims
  readonly #cache: RecentMap<string, GenuineToken>
  /** Headers of genuine tokens only, so that attackers cannot fill it. Most tokens have the same header. */
  readonly #headers = new Map<string, TokenHeader>()

  constructor(keys: KeySource, expected: ExpectedClaims, cacheSize: number) {
    this.#keys = keys
    this.#expected = expected
    this.#cache = new RecentMap(cacheSize)
  }

  get cachedCount(): number {
    return this.#cache.size
  }

  /** Returns a token from the cache if its key is still published. */
  cached(token: string): GenuineToken | undefined {
    const genuine = this.#cache.get(token)
    if (genuine === undefined || this.#keys.find(genuine.key.kid) === genuine.key) return genuine
    this.#cache.delete(token)
    return undefined
  }

  /** Checks a token. Returns undefined if its key is unknown; throws `TokenRefused` if it is not genuine. */
  check(token: unknown): GenuineToken | undefined {
    const signed = this.#readSigned(token, 'at+jwt')
    if (signed === undefined) return undefined
    const { payload, key } = signed
    return { ...readClaims(payload, this.#expected), key, isReported: false }
  }

  /** The same for a delivery token. */
  checkDelivery(token: unknown): CheckedDelivery | undefined {
    const signed = this.#readSigned(token, 'delivery+jwt')
    return signed && readDeliveryClaims(signed.payload, this.#expected.issuer)
  }

  #readSigned(token: unknown, type: string): SignedPayload | undefined {
    const parts = splitToken(token)
    const known = this.#headers.get(parts.header)
    const header = known ?? readHeader(parts.header)
    const isAllowed = (this.#keys.algorithms as ReadonlySet<string>).has(header.alg)
    if (!isAllowed) throw new TokenRefused('wrong_algorithm')
    const key = this.#keys.find(header.kid)
    if (key === undefined) return undefined
    if (key.algorithm !== header.alg) throw new TokenRefused('wrong_algorithm')
    if (!key.verifies(parts.signed, parts.signature)) throw new TokenRefused('bad_signature')
    // Explicit typing keeps other kinds of JWT out (RFC 8725, section 3.11; RFC 9068, section 4).
    if (header.typ !== type) throw new TokenRefused('wrong_type')
    if (known === undefined) this.#cacheHeader(parts.header, header)
    return { payload: readPayload(parts.payload), key }
  }

  #cacheHeader(encoded: string, header: TokenHeader): void {
    if (this.#headers.size >= HEADER_LIMIT) this.#headers.clear()
    this.#headers.set(copyOf(encoded), header)
  }

  cache(token: string, genuine: GenuineToken): void {
    this.#cache.set(copyOf(token), genuine)
  }
}

/** A substring keeps the whole string in memory, such as a request header of 16 KiB. */
const copyOf = (text: string): string => Buffer.from(text, 'latin1').toString('latin1')
