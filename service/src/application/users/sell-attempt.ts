import { ApplicationError } from '../errors.ts'
import type { ProofOfWork } from '../ports/proof-of-work.ts'
import type { SpentProofs } from '../ports/spent-proofs.ts'

export interface SellAttemptDeps {
  readonly proofOfWork: ProofOfWork
  readonly spentProofs: SpentProofs
}

/** How a client may buy an attempt. Undefined for clients that cannot, such as those of the older routes. */
export interface Purchase {
  /** The proof that came with the request. */
  readonly proof: string | undefined
}

/**
 * Makes an attempt that may be bought with a proof of work. A refusal for want of attempts carries a challenge for the same
 * subject. A proof that is not accepted counts as none, so that the client gets a new challenge where one is needed.
 */
export const sellAttempt =
  ({ proofOfWork, spentProofs }: SellAttemptDeps) =>
  async <T>(
    purchase: Purchase | undefined,
    { subject, now }: { readonly subject: string; readonly now: Date },
    attempt: (isBought: boolean) => Promise<T>,
  ): Promise<T> => {
    const { proof } = purchase ?? {}
    const checked = proof === undefined ? undefined : await proofOfWork.check(proof, subject, now)
    const isBought = checked !== undefined && (await spentProofs.spend(checked))
    try {
      return await attempt(isBought)
    } catch (error) {
      const isRefusal = error instanceof ApplicationError && error.code === 'too_many_attempts'
      if (purchase === undefined || !isRefusal) throw error
      const challenge = await proofOfWork.challenge(subject, now)
      throw new ApplicationError('too_many_attempts', { ...error.details, detail: DETAIL, challenge })
    }
  }

const DETAIL =
  'There were too many attempts. Solve "challenge" and send the proof as "proof_of_work", or wait for the number of ' +
  'seconds in Retry-After.'
