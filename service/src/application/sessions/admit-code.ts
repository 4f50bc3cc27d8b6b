import type { ClientAddress } from '../../domain/device.ts'
import type { SignInChallenge } from '../../domain/sign-in-challenge.ts'
import { codesBy, codesFrom, codesOf, codesWith } from '../attempt-budgets.ts'
import type { TypedProof } from '../factors/typed-proof.ts'
import type { AttemptBudget, AttemptLimits } from '../ports/attempt-limits.ts'

interface CodeAttempt {
  readonly challenge: SignInChallenge
  readonly proof: TypedProof
  readonly address: ClientAddress
}

/**
 * Counts an attempt to complete a sign-in against its budgets, which it returns (decision 46). The thief of a password gets few
 * guesses, from all places together. The owner is not locked out by them: a device or network that was known before has its own
 * budget, and elsewhere a recovery code is too long to be guessed, so it needs none but that of the network. Throws
 * `too_many_attempts`.
 */
export const admitCode =
  (attempts: AttemptLimits) =>
  async (attempt: CodeAttempt, now: Date): Promise<readonly AttemptBudget[]> => {
    const budgets = [codesWith(hexOf(attempt.challenge.id)), ...budgetsOf(attempt)]
    await attempts.take(budgets, now)
    return budgets
  }

function budgetsOf({ challenge, proof, address }: CodeAttempt): readonly AttemptBudget[] {
  const { userId, deviceId, deviceIsKnown, knownNetwork } = challenge
  if (deviceIsKnown && deviceId !== undefined) return [codesBy(userId, deviceId)]
  const isKnown = knownNetwork === address.network
  const canBeGuessed = proof.field === 'code'
  return isKnown || !canBeGuessed
    ? [codesFrom(userId, address)]
    : [codesFrom(userId, address), codesOf(userId)]
}

const hexOf = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
