// The strength of passwords is checked as in production, but hashes are cheap: most tests sign up and sign in often but
// do not test hashes.
import { ZxcvbnPasswordStrength } from '../../src/infrastructure/crypto/zxcvbn-password-strength.ts'
import type { Overrides } from '../../src/main.ts'

export type PasswordChecks = Omit<Overrides, 'clock'>

/** For tests of the hashes. */
export const productionPasswordChecks: PasswordChecks = {}

let dictionaries: Promise<ZxcvbnPasswordStrength> | undefined

/** Services in one process share the dictionaries: reading them takes 0.3 s each time. */
export const cheapPasswordChecks = async (): Promise<PasswordChecks> => ({
  hashing: { memoryKib: 64, passes: 1 },
  passwordStrength: await (dictionaries ??= ZxcvbnPasswordStrength.load()),
})
