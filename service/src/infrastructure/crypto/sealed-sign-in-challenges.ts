import { randomBytes } from 'node:crypto'
import type { SignInChallenges } from '../../application/ports/sign-in-challenges.ts'
import type { SignInChallenge } from '../../domain/sign-in-challenge.ts'
import { decrypt, encrypt } from './encryption.ts'
import { deriveKeys, type DerivedKeys, type Secrets } from './secrets.ts'

const ID_BYTES = 16
/** A version with other fields gets another name, so that neither reads the challenges of the other. */
const CONTEXT = 'sign-in challenge, version 1'

interface Sealed extends Omit<SignInChallenge, 'id' | 'expiresAt'> {
  readonly idHex: string
  readonly expiresAtMs: number
}

/** Challenges as JSON, encrypted under a key of their own (AES-256-GCM): nobody else can read or make one. */
export class SealedSignInChallenges implements SignInChallenges {
  readonly #keys: DerivedKeys

  constructor(secrets: Secrets) {
    this.#keys = deriveKeys(secrets, 'sign-in challenges')
  }

  issue({ expiresAt, ...content }: Omit<SignInChallenge, 'id'>): string {
    const idHex = randomBytes(ID_BYTES).toString('hex')
    const sealed: Sealed = { ...content, idHex, expiresAtMs: +expiresAt }
    return encrypt(this.#keys, Buffer.from(JSON.stringify(sealed)), CONTEXT)
  }

  read(token: string): SignInChallenge | undefined {
    const bytes = decrypt(this.#keys, token, CONTEXT)
    if (bytes === undefined) return undefined
    const { idHex, expiresAtMs, ...content } = JSON.parse(bytes.toString()) as Sealed
    const { deviceId, knownNetwork } = content
    // JSON leaves out what is undefined.
    const read = { ...content, deviceId, knownNetwork }
    return { ...read, id: Buffer.from(idHex, 'hex'), expiresAt: new Date(expiresAtMs) }
  }
}
