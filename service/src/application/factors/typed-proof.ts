import { InvalidValue } from '../../domain/invalid-value.ts'
import { parseRecoveryCode, type RecoveryCode } from '../../domain/recovery-code.ts'
import { parseTotpCode, type TotpCode } from '../../domain/second-factor.ts'
import { refuseField } from '../validate.ts'

/** A code as a user typed it. Undefined if it cannot be one. */
export type TypedProof =
  | { readonly field: 'code'; readonly code: TotpCode | undefined }
  | { readonly field: 'recovery_code'; readonly code: RecoveryCode | undefined }

export interface TypedCodes {
  /** Of the authenticator. */
  readonly code?: string | undefined
  readonly recoveryCode?: string | undefined
}

/** Undefined if neither was sent. Throws `validation_failed` for both. */
export function readProof({ code, recoveryCode }: TypedCodes): TypedProof | undefined {
  if (code !== undefined && recoveryCode !== undefined) {
    const message = 'Send a code or a recovery code, not both.'
    throw refuseField('recovery_code', new InvalidValue('unknown_field', message))
  }
  if (code !== undefined) return { field: 'code', code: parseTotpCode(code) }
  if (recoveryCode !== undefined) return { field: 'recovery_code', code: parseRecoveryCode(recoveryCode) }
  return undefined
}
