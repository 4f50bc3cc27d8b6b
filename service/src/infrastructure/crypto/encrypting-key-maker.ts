import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createPrivateKey,
  generateKeyPair,
  randomBytes,
  type KeyObject,
} from 'node:crypto'
import { promisify } from 'node:util'
import type { KeyMaker } from '../../application/ports/signing-keys.ts'
import type { KeyPair, SigningAlgorithm, SigningKey } from '../../domain/signing-key.ts'
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
    const [id = '', iv = '', tag = '', encrypted = ''] = encryptedPrivateKey.split('.')
    const derived = this.#keys.byId.get(id)
    if (derived === undefined) return undefined
    try {
      const options = { authTagLength: 16 }
      const decipher = createDecipheriv('aes-256-gcm', derived.key, Buffer.from(iv, 'base64url'), options)
      decipher.setAAD(Buffer.from(kid)).setAuthTag(Buffer.from(tag, 'base64url'))
      const der = Buffer.concat([decipher.update(encrypted, 'base64url'), decipher.final()])
      return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
    } catch {
      return undefined
    }
  }

  #encrypt(kid: string, privateKey: KeyObject): string {
    const { id, key } = this.#keys.current
    const iv = randomBytes(12)
    const cipher = createCipheriv('aes-256-gcm', key, iv)
    cipher.setAAD(Buffer.from(kid))
    const der = privateKey.export({ format: 'der', type: 'pkcs8' })
    const encrypted = Buffer.concat([cipher.update(der), cipher.final()])
    return [id, ...[iv, cipher.getAuthTag(), encrypted].map((part) => part.toString('base64url'))].join('.')
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
