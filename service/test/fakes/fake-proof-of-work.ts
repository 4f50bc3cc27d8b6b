import type { CheckedProof, ProofChallenge, ProofOfWork } from '../../src/application/ports/proof-of-work.ts'
import { secondsAfter } from '../../src/domain/session.ts'

const LIFETIME_SECONDS = 300

/** The proof of a challenge is its signature, `<number> <expiry> <subject>`. */
export class FakeProofOfWork implements ProofOfWork {
  #count = 0

  challenge(subject: string, now: Date): Promise<ProofChallenge> {
    const expiresAt = +secondsAfter(now, LIFETIME_SECONDS)
    return Promise.resolve({ parameters: {}, signature: `${(this.#count += 1)} ${expiresAt} ${subject}` })
  }

  check(proof: string, subject: string, now: Date): Promise<CheckedProof | undefined> {
    const [, number = '', expiry = '', provenFor] = /^(\d+) (\d+) (.*)$/.exec(proof) ?? []
    const expiresAt = new Date(Number(expiry))
    const isGood = provenFor === subject && now < expiresAt
    return Promise.resolve(isGood ? { id: Buffer.from(number), expiresAt } : undefined)
  }
}
