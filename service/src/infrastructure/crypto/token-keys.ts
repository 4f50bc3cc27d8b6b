import type { SigningAlgorithm } from '../../domain/signing-key.ts'
import { AsymmetricKeyRing, SharedSecretKeys, type TokenKeys } from './key-ring.ts'
import { SealedKeyMaker } from './sealed-key-maker.ts'
import type { Secrets } from './secrets.ts'
import type { TokenAlgorithm } from './signatures.ts'

export interface TokenKeySettings {
  readonly tokenAlgorithm: TokenAlgorithm
  readonly tokenSharedSecret: string | undefined
}

interface CreatedKeys {
  readonly tokenKeys: TokenKeys
  /** What the rotation works on; a shared secret is not rotated. */
  readonly rotation:
    | {
        readonly keyMaker: SealedKeyMaker
        readonly keyRing: AsymmetricKeyRing
        readonly signingAlgorithm: SigningAlgorithm
      }
    | undefined
}

/** The keys the settings ask for: pairs that rotate, or one shared secret; never both. */
export function createTokenKeys(
  { tokenAlgorithm, tokenSharedSecret }: TokenKeySettings,
  secrets: Secrets,
): CreatedKeys {
  if (tokenAlgorithm === 'HS256') {
    if (tokenSharedSecret === undefined) throw new Error('the settings were read without TOKEN_SHARED_SECRET')
    return { tokenKeys: new SharedSecretKeys(tokenSharedSecret), rotation: undefined }
  }
  const keyMaker = new SealedKeyMaker(secrets)
  const keyRing = new AsymmetricKeyRing(keyMaker, tokenAlgorithm)
  return { tokenKeys: keyRing, rotation: { keyMaker, keyRing, signingAlgorithm: tokenAlgorithm } }
}
