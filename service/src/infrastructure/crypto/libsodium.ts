import type { Libsodium } from 'sodium-native'

/** Undefined if the package has no build for this system. */
export const libsodium: Libsodium | undefined = await import('sodium-native').then(
  (module) => module.default,
  () => undefined,
)
