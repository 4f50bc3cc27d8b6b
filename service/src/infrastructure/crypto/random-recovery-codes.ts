import { randomBytes } from 'node:crypto'
import type { RecoveryCodes } from '../../application/ports/recovery-codes.ts'
import {
  RECOVERY_ALPHABET,
  RECOVERY_CODE_LENGTH,
  RECOVERY_CODES,
  type RecoveryCode,
} from '../../domain/recovery-code.ts'

export class RandomRecoveryCodes implements RecoveryCodes {
  create(): readonly RecoveryCode[] {
    return Array.from({ length: RECOVERY_CODES }, randomCode)
  }
}

/** The alphabet has 32 characters, so the remainders of a byte are equally likely. */
const randomCode = (): RecoveryCode =>
  Array.from(
    randomBytes(RECOVERY_CODE_LENGTH),
    (byte) => RECOVERY_ALPHABET[byte % RECOVERY_ALPHABET.length],
  ).join('') as RecoveryCode
