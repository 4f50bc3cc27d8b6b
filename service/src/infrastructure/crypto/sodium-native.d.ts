/** The calls of `sodium-native` that this service uses. The package has no types of its own. */
declare module 'sodium-native' {
  interface Libsodium {
    readonly crypto_sign_BYTES: number
    readonly crypto_sign_PUBLICKEYBYTES: number
    readonly crypto_sign_SECRETKEYBYTES: number

    /** Memory that is never swapped and left out of core dumps. */
    sodium_malloc(bytes: number): Buffer

    /** Writes the public and the secret key that belong to `seed`. */
    crypto_sign_seed_keypair(publicKey: Buffer, secretKey: Buffer, seed: Buffer): void

    crypto_sign_detached(signature: Buffer, data: Buffer, secretKey: Buffer): void
  }

  const libsodium: Libsodium
  export default libsodium
  export type { Libsodium }
}
