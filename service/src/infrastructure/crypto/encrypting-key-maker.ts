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

/** Key pairs whose private half leaves the process only under AES-256-GCM, bound to its `kid`. */
export class SealedKeyMaker implements KeyMaker {
  readonly #keys: DerivedKeys
  /**
   * By `kid`. A key this instance has opened stays usable here after one with a newer secret sealed it again: else each
   * would find the other's keys lost, and make another, for as long as a change of the secret takes.
   */
  readonly #opened = new Map<string, KeyObject>()

  constructor(secrets: Secrets) {
    this.#keys = deriveKeys(secrets, 'signing keys')
  }

  async generate(algorithm: SigningAlgorithm): Promise<KeyPair> {
    const { publicKey, privateKey } = await generate(algorithm)
    const publicJwk = publicKey.export({ format: 'jwk' }) as Record<string, string>
    const kid = thumbprint(publicJwk)
    return { kid, algorithm, publicJwk, sealedPrivateKey: this.#encrypt(kid, privateKey) }
  }

  seal(key: SigningKey): ReturnType<KeyMaker['seal']> {
    const privateKey = this.open(key)
    if (privateKey === undefined) return { state: 'lost' }
    const [secretId = ''] = key.sealedPrivateKey.split('.', 1)
    const isOutdated = secretId !== this.#keys.current.id && this.#keys.byId.has(secretId)
    return isOutdated
      ? { state: 'outdated', resealed: this.#encrypt(key.kid, privateKey) }
      : { state: 'sealed' }
  }

  /** The private key; undefined when it was sealed under a secret this instance does not have, or tampered with. */
  open(key: Pick<SigningKey, 'kid' | 'sealedPrivateKey'>): KeyObject | undefined {
    const privateKey = this.#opened.get(key.kid) ?? this.#decrypt(key)
    if (privateKey !== undefined) this.#opened.set(key.kid, privateKey)
    return privateKey
  }

  #decrypt({ kid, sealedPrivateKey }: Pick<SigningKey, 'kid' | 'sealedPrivateKey'>): KeyObject | undefined {
    const [id = '', iv = '', tag = '', sealed = ''] = sealedPrivateKey.split('.')
    const derived = this.#keys.byId.get(id)
    if (derived === undefined) return undefined
    try {
      const options = { authTagLength: 16 }
      const decipher = createDecipheriv('aes-256-gcm', derived.key, Buffer.from(iv, 'base64url'), options)
      decipher.setAAD(Buffer.from(kid)).setAuthTag(Buffer.from(tag, 'base64url'))
      const der = Buffer.concat([decipher.update(sealed, 'base64url'), decipher.final()])
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
    const sealed = Buffer.concat([cipher.update(der), cipher.final()])
    return [id, ...[iv, cipher.getAuthTag(), sealed].map((part) => part.toString('base64url'))].join('.')
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

/** RFC 7638: the required members of the key in alphabetical order, hashed. */
function thumbprint({ crv, e, kty, n, x, y }: Record<string, string>): string {
  return createHash('sha256').update(JSON.stringify({ crv, e, kty, n, x, y })).digest('base64url')
}
