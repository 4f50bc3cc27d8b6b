import { createHash, createHmac, type KeyObject } from 'node:crypto'
import { libsodium, type Libsodium } from './libsodium.ts'

const BLOCK_BYTES = 64
const HASH_BYTES = 32

/**
 * HMAC-SHA256 (RFC 2104) of `data`; `key` is a secret one. A refresh has two of them, and what Node.js sets up for each takes longer
 * than the hash.
 */
export const hmacSha256 =
  libsodium === undefined
    ? (key: KeyObject, data: Buffer): Buffer => createHmac('sha256', key).update(data).digest()
    : hmacWith(libsodium)

/** libsodium's own HMAC is not among what its package exports; its hash is. */
function hmacWith(library: Libsodium): (key: KeyObject, data: Buffer) => Buffer {
  // What is worked out from a key is kept in memory of its own, that is neither swapped nor dumped where the system allows.
  const secret = (bytes: number): Buffer => library.sodium_malloc(bytes)

  function begin(key: Buffer, pad: number): Buffer {
    const block = secret(BLOCK_BYTES).fill(pad)
    for (const [at, byte] of key.entries()) block.writeUInt8(byte ^ pad, at)
    const state = secret(library.crypto_hash_sha256_STATEBYTES)
    library.crypto_hash_sha256_init(state)
    library.crypto_hash_sha256_update(state, block)
    library.sodium_memzero(block)
    return state
  }

  /** Both hashes with the key's block behind them: worked out once for each key, and forgotten with it. */
  const begun = new WeakMap<KeyObject, { readonly inner: Buffer; readonly outer: Buffer }>()

  function beginBoth(key: KeyObject): { readonly inner: Buffer; readonly outer: Buffer } {
    const given = key.export()
    const bytes = given.length > BLOCK_BYTES ? createHash('sha256').update(given).digest() : given
    try {
      const both = { inner: begin(bytes, 0x36), outer: begin(bytes, 0x5c) }
      begun.set(key, both)
      return both
    } finally {
      bytes.fill(0)
      given.fill(0)
    }
  }

  const state = secret(library.crypto_hash_sha256_STATEBYTES)
  const innerHash = secret(HASH_BYTES)

  return (key, data) => {
    const { inner, outer } = begun.get(key) ?? beginBoth(key)
    state.set(inner)
    library.crypto_hash_sha256_update(state, data)
    library.crypto_hash_sha256_final(state, innerHash)
    state.set(outer)
    library.crypto_hash_sha256_update(state, innerHash)
    const mac = Buffer.alloc(HASH_BYTES)
    library.crypto_hash_sha256_final(state, mac)
    return mac
  }
}
