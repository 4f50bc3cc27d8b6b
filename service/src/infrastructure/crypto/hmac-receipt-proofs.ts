import { createHmac, timingSafeEqual, type KeyObject } from 'node:crypto'
import type { ReceiptProofs } from '../../application/ports/receipt-proofs.ts'
import type { SessionId } from '../../domain/session.ts'
import { deriveKeys, type DerivedKeys, type Secrets } from './secrets.ts'

/** 96 bits. A proof can only be guessed at the service, and every access token pays for each byte. */
const PROOF_BYTES = 12

/** A proof is a truncated HMAC-SHA256 (RFC 2104, section 5) of session and generation. */
export class HmacReceiptProofs implements ReceiptProofs {
  readonly #keys: DerivedKeys

  constructor(secrets: Secrets) {
    this.#keys = deriveKeys(secrets, 'receipt proofs')
  }

  prove(sessionId: SessionId, generation: number): string {
    return proofOf(this.#keys.current.key, sessionId, generation)
  }

  verify(sessionId: SessionId, generation: number, proof: string): boolean {
    const given = Buffer.from(proof)
    return [...this.#keys.byId.values()].some(({ key }) => {
      const expected = Buffer.from(proofOf(key, sessionId, generation))
      return given.length === expected.length && timingSafeEqual(given, expected)
    })
  }
}

const proofOf = (key: KeyObject, sessionId: SessionId, generation: number): string =>
  createHmac('sha256', key)
    .update(`${sessionId} ${generation}`)
    .digest()
    .toString('base64url', 0, PROOF_BYTES)
