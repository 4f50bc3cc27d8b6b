import type { CheckedProof } from './proof-of-work.ts'

/** Remembers which proofs of work and challenges were used, for all instances together. */
export interface SpentProofs {
  /** Returns whether the proof is used for the first time. Of parallel calls, at any instance, exactly one gets true. */
  spend(proof: CheckedProof): Promise<boolean>

  /** Forgets up to `limit` proofs that have expired. Returns how many. */
  removeExpired(now: Date, limit: number): Promise<number>
}
