import { createHash, createPrivateKey, generateKeyPair, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
import type { KeyMaker } from '../../application/ports/signing-keys.ts'
import type { KeyPair, SigningAlgorithm, SigningKey } from '../../domain/signing-key.ts'
import { decrypt, encrypt } from './encryption.ts'
import { deriveKeys, type DerivedKeys, type Secrets } from './secrets.ts'

const generatePair = promisify(generateKeyPair)

/** Makes key pairs. A private key leaves the process only encrypted (AES-256-GCM) and bound to its `kid`. */
export class EncryptingKeyMaker implements KeyMaker {
  readonly #keys: DerivedKeys
  /**
   * By `kid`. Once decrypted, a key stays usable here, even after an instance with a newer secret has encrypted it again.
   * Otherwise, during a change of the secret, each instance would find the keys of the others lost and make new ones.
   */
  readonly #decrypted = new Map<string, KeyObject>()

  constructor(secrets: Secrets) {
    this.#keys = deriveKeys(secrets, 'signing keys')
  }

  async generate(algorithm: SigningAlgorithm): Promise<KeyPair> {
    const { publicKey, privateKey } = await generate(algorithm)
    const publicJwk = publicKey.export({ format: 'jwk' }) as Record<string, string>
    const kid = thumbprint(publicJwk)
    return { kid, algorithm, publicJwk, encryptedPrivateKey: this.#encrypt(kid, privateKey) }
  }

  checkEncryption(key: SigningKey): ReturnType<KeyMaker['checkEncryption']> {
    const privateKey = this.privateKeyOf(key)
    if (privateKey === undefined) return { state: 'lost' }
    const [secretId = ''] = key.encryptedPrivateKey.split('.', 1)
    const isOutdated = secretId !== this.#keys.current.id && this.#keys.byId.has(secretId)
    return isOutdated
      ? { state: 'outdated', reencrypted: this.#encrypt(key.kid, privateKey) }
      : { state: 'current' }
  }

  /** The private key. Undefined if it was encrypted with a secret this instance does not have, or was changed. */
  privateKeyOf(key: Pick<SigningKey, 'kid' | 'encryptedPrivateKey'>): KeyObject | undefined {
    const privateKey = this.#decrypted.get(key.kid) ?? this.#decrypt(key)
    if (privateKey !== undefined) this.#decrypted.set(key.kid, privateKey)
    return privateKey
  }

  #decrypt({
    kid,
    encryptedPrivateKey,
  }: Pick<SigningKey, 'kid' | 'encryptedPrivateKey'>): KeyObject | undefined {
    const der = decrypt(this.#keys, encryptedPrivateKey, kid)
    return der && createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  }

  #encrypt(kid: string, privateKey: KeyObject): string {
    return encrypt(this.#keys, privateKey.export({ format: 'der', type: 'pkcs8' }), kid)
  }
}

function generate(algorithm: SigningAlgorithm): Promise<{ publicKey: KeyObject; privateKey: KeyObject }> {
  switch (algorithm) {
    case 'EdDSA':
      return generatePair('ed25519')
    case 'ES256':
      return generatePair('ec', { namedCurve: 'P-256' })
    case 'RS256':
      return generatePair('rsa', { modulusLength: 2048 })
  }
}

/** RFC 7638: the hash of the required members of the key, in alphabetical order. */
function thumbprint({ crv, e, kty, n, x, y }: Record<string, string>): string {
  return createHash('sha256').update(JSON.stringify({ crv, e, kty, n, x, y })).digest('base64url')
}
