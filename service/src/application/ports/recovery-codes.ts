import type { RecoveryCode } from '../../domain/recovery-code.ts'

/** Makes recovery codes. */
export interface RecoveryCodes {
  /** A new set of `RECOVERY_CODES` different codes, each from 120 random bits. */
  create(): readonly RecoveryCode[]
}
