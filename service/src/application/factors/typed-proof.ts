import { parseRecoveryCode, type RecoveryCode } from '../../domain/recovery-code.ts'
import { parseTotpCode, type TotpCode } from '../../domain/second-factor.ts'

/** A code as a user typed it. Undefined if it cannot be one. */
export type TypedProof =
  | { readonly field: 'code'; readonly code: TotpCode | undefined }
  | { readonly field: 'recovery_code'; readonly code: RecoveryCode | undefined }

export interface TypedCodes {
  /** Of the authenticator. */
  readonly code?: string | undefined
  readonly recoveryCode?: string | undefined
}

/** Undefined if neither was sent. Of both only the code counts, so that no recovery code is used up in vain. */
export function readProof({ code, recoveryCode }: TypedCodes): TypedProof | undefined {
  if (code !== undefined) return { field: 'code', code: parseTotpCode(code) }
  if (recoveryCode !== undefined) return { field: 'recovery_code', code: parseRecoveryCode(recoveryCode) }
  return undefined
}
