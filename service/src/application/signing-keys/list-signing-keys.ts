import { keyState, type KeyState, type SigningKey } from '../../domain/signing-key.ts'
import type { RotateSigningKeysDeps } from './rotate-signing-keys.ts'

export interface ListedKey {
  readonly key: SigningKey
  readonly state: KeyState
  /** False when it is encrypted under a secret that this instance does not have. */
  readonly isUsable: boolean
}

export type ListSigningKeysDeps = Pick<
  RotateSigningKeysDeps,
  'signingKeys' | 'keyMaker' | 'clock' | 'signingAlgorithm'
>

/** The keys that tokens are checked with now, in the order in which they sign. None with a shared secret: undefined. */
export const listSigningKeys =
  (deps: ListSigningKeysDeps | undefined) => async (): Promise<readonly ListedKey[]> =>
    deps === undefined ? [] : describeKeys(deps, await deps.signingKeys.all())

export function describeKeys(
  { keyMaker, clock, signingAlgorithm }: ListSigningKeysDeps,
  keys: readonly SigningKey[],
): readonly ListedKey[] {
  const now = clock.now()
  const usable = keys.filter((key) => keyMaker.checkEncryption(key).state !== 'lost')
  return keys
    .filter(({ publishedUntil }) => publishedUntil > now)
    .map((key) => ({
      key,
      state: keyState(key, usable, signingAlgorithm, now),
      isUsable: usable.includes(key),
    }))
}
