import { createPublicKey, createSecretKey, type KeyObject } from 'node:crypto'
import type { KeyRing } from '../../application/ports/signing-keys.ts'
import { pickSigningKey, type SigningAlgorithm, type SigningKey } from '../../domain/signing-key.ts'
import { deriveKeys } from './secrets.ts'
import type { EncryptingKeyMaker } from './encrypting-key-maker.ts'
import type { TokenAlgorithm } from './signatures.ts'

/** The keys that sign and verify access tokens. */
export interface TokenKeys {
  /** Undefined if no key may sign at `now`. */
  signingKey(now: Date): TokenKey | undefined
  /**
   * Looks the key up by the whole encoded header. No field of the header is read, so a token cannot choose its algorithm.
   */
  verificationKey(encodedHeader: string, now: Date): TokenKey | undefined
  /** The JWK set to publish (RFC 7517). */
  jwks(now: Date): { keys: readonly Readonly<Record<string, string>>[] }
}

export interface TokenKey {
  readonly algorithm: TokenAlgorithm
  /** The encoded header of all tokens of this key. */
  readonly encodedHeader: string
  readonly key: KeyObject
}

/** All access tokens of a key have the same header (RFC 9068, section 2.1). */
export function encodeHeader(algorithm: TokenAlgorithm, kid: string): string {
  return Buffer.from(JSON.stringify({ alg: algorithm, typ: 'at+jwt', kid })).toString('base64url')
}

interface LoadedKey extends SigningKey {
  readonly encodedHeader: string
  readonly publicKey: KeyObject
  readonly privateKey: KeyObject | undefined
}

/** Key pairs that all instances share. */
export class AsymmetricKeyRing implements KeyRing, TokenKeys {
  readonly #keyMaker: EncryptingKeyMaker
  readonly #wanted: SigningAlgorithm
  #keys: readonly LoadedKey[] = []
  #byHeader: ReadonlyMap<string, LoadedKey> = new Map()

  constructor(keyMaker: EncryptingKeyMaker, wanted: SigningAlgorithm) {
    this.#keyMaker = keyMaker
    this.#wanted = wanted
  }

  load(keys: readonly SigningKey[]): void {
    this.#keys = keys.map((key) => ({
      ...key,
      encodedHeader: encodeHeader(key.algorithm, key.kid),
      publicKey: createPublicKey({ key: { ...key.publicJwk }, format: 'jwk' }),
      privateKey: this.#keyMaker.privateKeyOf(key),
    }))
    this.#byHeader = new Map(this.#keys.map((key) => [key.encodedHeader, key]))
  }

  signingKey(now: Date): TokenKey | undefined {
    const usable = this.#keys.filter(({ privateKey }) => privateKey !== undefined)
    const key = pickSigningKey(usable, this.#wanted, now)
    if (key?.privateKey === undefined) return undefined
    return { algorithm: key.algorithm, encodedHeader: key.encodedHeader, key: key.privateKey }
  }

  verificationKey(encodedHeader: string, now: Date): TokenKey | undefined {
    const key = this.#byHeader.get(encodedHeader)
    if (key === undefined || key.publishedUntil <= now) return undefined
    return { algorithm: key.algorithm, encodedHeader, key: key.publicKey }
  }

  jwks(now: Date): { keys: readonly Readonly<Record<string, string>>[] } {
    const published = this.#keys.filter(({ publishedUntil }) => publishedUntil > now)
    return {
      keys: published.map(({ publicJwk, kid, algorithm }) => ({
        ...publicJwk,
        kid,
        alg: algorithm,
        use: 'sig',
      })),
    }
  }
}

/** One secret, shared with services that cannot fetch keys. It is never published, and never mixed with key pairs. */
export class SharedSecretKeys implements TokenKeys {
  readonly #key: TokenKey

  constructor(secret: string) {
    const kid = deriveKeys({ current: secret, previous: [] }, 'shared secret').current.id
    const key = createSecretKey(Buffer.from(secret))
    this.#key = { algorithm: 'HS256', encodedHeader: encodeHeader('HS256', kid), key }
  }

  signingKey(): TokenKey {
    return this.#key
  }

  verificationKey(encodedHeader: string): TokenKey | undefined {
    return encodedHeader === this.#key.encodedHeader ? this.#key : undefined
  }

  jwks(): { keys: readonly never[] } {
    return { keys: [] }
  }
}
