import { createHmac } from 'node:crypto'
import { createChallenge, verifySolution } from 'altcha-lib'
import { deriveKey } from 'altcha-lib/algorithms/pbkdf2'
import { z } from 'zod'
import type { CheckedProof, ProofChallenge, ProofOfWork } from '../../application/ports/proof-of-work.ts'
import { deriveKeys, type DerivedKeys, type Secrets } from './secrets.ts'

/** Long enough to type a password again, short enough that few proofs have to be remembered. */
const LIFETIME_SECONDS = 300
/** A client tries 256 keys on average. */
const KEY_PREFIX = '00'
const HEX = /^(?:[0-9a-f]{2})+$/

/** The form of what altcha-lib makes. It reads these fields before it has checked the signature. */
const proofForm = z.object({
  challenge: z.object({
    parameters: z.looseObject({
      algorithm: z.string(),
      nonce: z.string().regex(HEX),
      salt: z.string().regex(HEX),
      cost: z.int(),
      keyLength: z.int(),
      keyPrefix: z.string(),
      expiresAt: z.int(),
    }),
    signature: z.string().regex(/^[0-9a-f]{64}$/),
  }),
  solution: z.object({ counter: z.int(), derivedKey: z.string() }),
})

/**
 * Proof of work of ALTCHA, version 2 (decision 33). The key that signs a challenge is derived from its subject, so it says
 * nothing about the subject and fits no other one. The library compares the expiry with the clock of this machine; here it
 * is compared with the service's clock.
 */
export class AltchaProofOfWork implements ProofOfWork {
  readonly #keys: DerivedKeys
  readonly #cost: number

  /** `cost` is how many rounds of PBKDF2 each tried key takes. */
  constructor(secrets: Secrets, cost: number) {
    this.#keys = deriveKeys(secrets, 'proofs of work')
    this.#cost = cost
  }

  async challenge(subject: string, now: Date): Promise<ProofChallenge> {
    const { parameters, signature = '' } = await createChallenge({
      algorithm: 'PBKDF2/SHA-256',
      cost: this.#cost,
      keyPrefix: KEY_PREFIX,
      deriveKey,
      expiresAt: Math.floor(+now / 1000) + LIFETIME_SECONDS,
      hmacSignatureSecret: secretOf(this.#keys.current, subject),
    })
    return { parameters: { ...parameters }, signature }
  }

  async check(proof: string, subject: string, now: Date): Promise<CheckedProof | undefined> {
    const { data } = proofForm.safeParse(parseJson(Buffer.from(proof, 'base64').toString()))
    if (data === undefined || data.challenge.parameters.expiresAt * 1000 <= +now) return undefined
    const { challenge, solution } = data
    for (const key of this.#keys.byId.values()) {
      // The signature comes first: work is done only for challenges that this service made.
      const result = await verifySolution({
        challenge,
        solution,
        deriveKey,
        hmacSignatureSecret: secretOf(key, subject),
      })
      if (!result.verified) continue
      return {
        id: Buffer.from(challenge.signature, 'hex'),
        expiresAt: new Date(challenge.parameters.expiresAt * 1000),
      }
    }
    return undefined
  }
}

const secretOf = ({ key }: DerivedKeys['current'], subject: string): string =>
  createHmac('sha256', key).update(subject).digest('hex')

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
