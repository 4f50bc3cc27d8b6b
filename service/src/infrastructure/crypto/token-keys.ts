import type { SigningAlgorithm } from '../../domain/signing-key.ts'
import { AsymmetricKeyRing, SharedSecretKeys, type TokenKeys } from './key-ring.ts'
import { EncryptingKeyMaker } from './encrypting-key-maker.ts'
import type { Secrets } from './secrets.ts'
import type { TokenAlgorithm } from './signatures.ts'

export interface TokenKeySettings {
  readonly tokenAlgorithm: TokenAlgorithm
  readonly tokenSharedSecret: string | undefined
}

interface CreatedKeys {
  readonly tokenKeys: TokenKeys
  /** The parts the rotation needs. Undefined for a shared secret, which is not rotated. */
  readonly rotation:
    | {
        readonly keyMaker: EncryptingKeyMaker
        readonly keyRing: AsymmetricKeyRing
        readonly signingAlgorithm: SigningAlgorithm
      }
    | undefined
}

/** The keys for these settings: either key pairs that rotate, or one shared secret. */
export function createTokenKeys(
  { tokenAlgorithm, tokenSharedSecret }: TokenKeySettings,
  secrets: Secrets,
): CreatedKeys {
  if (tokenAlgorithm === 'HS256') {
    if (tokenSharedSecret === undefined) throw new Error('HS256 needs TOKEN_SHARED_SECRET')
    return { tokenKeys: new SharedSecretKeys(tokenSharedSecret), rotation: undefined }
  }
  const keyMaker = new EncryptingKeyMaker(secrets)
  const keyRing = new AsymmetricKeyRing(keyMaker, tokenAlgorithm)
  return { tokenKeys: keyRing, rotation: { keyMaker, keyRing, signingAlgorithm: tokenAlgorithm } }
}
