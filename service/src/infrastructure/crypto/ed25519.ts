import { sign, type KeyObject } from 'node:crypto'
import { libsodium, type Libsodium } from './libsodium.ts'

/**
 * An Ed25519 signature (RFC 8032) over `data`. libsodium's is OpenSSL's, to the bit, in half the time; it is the largest part of
 * what a refresh costs.
 */
export const signEd25519 =
  libsodium === undefined
    ? (key: KeyObject, data: Buffer): Buffer => sign(null, data, key)
    : signWith(libsodium)

function signWith(library: Libsodium): (key: KeyObject, data: Buffer) => Buffer {
  /** Worked out once for each key, and forgotten with it. */
  const secretKeys = new WeakMap<KeyObject, Buffer>()

  function expand(key: KeyObject): Buffer {
    // In memory of its own, that is neither swapped nor dumped.
    const secretKey = library.sodium_malloc(library.crypto_sign_SECRETKEYBYTES)
    const seed = Buffer.from(key.export({ format: 'jwk' }).d ?? '', 'base64url')
    library.crypto_sign_seed_keypair(Buffer.alloc(library.crypto_sign_PUBLICKEYBYTES), secretKey, seed)
    seed.fill(0)
    secretKeys.set(key, secretKey)
    return secretKey
  }

  return (key, data) => {
    const signature = Buffer.alloc(library.crypto_sign_BYTES)
    library.crypto_sign_detached(signature, data, secretKeys.get(key) ?? expand(key))
    return signature
  }
}
