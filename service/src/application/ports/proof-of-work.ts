/** A puzzle of the ALTCHA protocol, as the client receives it. */
export interface ProofChallenge {
  readonly parameters: Readonly<Record<string, unknown>>
  readonly signature: string
}

/** A proof that was checked. */
export interface CheckedProof {
  /** Names the challenge. No other challenge has it. */
  readonly id: Uint8Array
  /** The last moment at which the proof is accepted. */
  readonly expiresAt: Date
}

/** Work that a client does to buy an attempt. Nothing is stored: a challenge is signed. */
export interface ProofOfWork {
  /** A challenge whose proof is good for that subject only. */
  challenge(subject: string, now: Date): Promise<ProofChallenge>

  /**
   * Checks the proof, at a small bounded cost. Returns undefined if it is malformed, wrong, expired, or of a challenge for
   * another subject. It does not know whether the proof was used before; see SpentProofs.
   */
  check(proof: string, subject: string, now: Date): Promise<CheckedProof | undefined>
}
