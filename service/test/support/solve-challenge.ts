import { solveChallenge } from 'altcha-lib'
import { deriveKey } from 'altcha-lib/algorithms/pbkdf2'
import type { ProofChallenge } from '../../src/application/ports/proof-of-work.ts'

/** The proof that a client sends for a challenge. `counter` replaces the right one. */
export async function solve(challenge: ProofChallenge, counter?: number): Promise<string> {
  const parameters = challenge.parameters as never
  const solution = await solveChallenge({ challenge: { parameters }, deriveKey })
  return encode({ challenge, solution: { ...solution, ...(counter !== undefined && { counter }) } })
}

export const encode = (payload: unknown): string => Buffer.from(JSON.stringify(payload)).toString('base64')
