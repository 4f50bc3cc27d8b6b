import type * as sodium from 'sodium-native'

/** In parts, which the package has and its types do not. */
interface HashInParts {
  crypto_hash_sha256_init(state: Buffer): void
  crypto_hash_sha256_update(state: Buffer, data: Buffer): void
  crypto_hash_sha256_final(state: Buffer, hash: Buffer): void
}

export type Libsodium = typeof sodium & HashInParts

/** Undefined where there is no build of it for this system. */
export const libsodium = await import('sodium-native').then(
  (module) => module.default as Libsodium,
  () => undefined,
)
