// The strength of passwords is checked as in production, but hashes are cheap: most tests sign up and sign in often but
// do not test hashes.
import { ZxcvbnPasswordStrength } from '../../src/infrastructure/crypto/zxcvbn-password-strength.ts'
import type { Overrides } from '../../src/main.ts'

export type PasswordChecks = Omit<Overrides, 'clock'>

/** For tests of the hashes. */
export const productionPasswordChecks: PasswordChecks = {}

const passwordStrength = new ZxcvbnPasswordStrength()

/** The dictionaries are read when a test needs them, once for all services of a process. */
export const cheapPasswordChecks: PasswordChecks = {
  hashing: { memoryKib: 64, passes: 1 },
  passwordStrength,
}
