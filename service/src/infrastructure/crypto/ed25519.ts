import { sign, type KeyObject } from 'node:crypto'
import type { Libsodium } from 'sodium-native'
import { libsodium } from './libsodium.ts'

/**
 * An Ed25519 signature (RFC 8032) over `data`. libsodium and OpenSSL return the same bits, and libsodium takes half the
 * time. Signing takes the largest part of a refresh.
 */
export const signEd25519 =
  libsodium === undefined
    ? (key: KeyObject, data: Buffer): Buffer => sign(null, data, key)
    : signWith(libsodium)

function signWith(library: Libsodium): (key: KeyObject, data: Buffer) => Buffer {
  /** Each key is expanded once. The expanded form is dropped with the key. */
  const secretKeys = new WeakMap<KeyObject, Buffer>()

  function expand(key: KeyObject): Buffer {
    // libsodium's own memory is neither swapped nor written to core dumps.
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
