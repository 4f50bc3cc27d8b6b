/** The kinds of second factors. Recovery codes come with the first factor and stand in for it. */
export const FACTOR_KINDS = ['totp'] as const

export type FactorKind = (typeof FACTOR_KINDS)[number]

/** The ways in which a client can prove a factor. */
export const OFFERED_FACTORS = [...FACTOR_KINDS, 'recovery_code'] as const

export type OfferedFactor = (typeof OFFERED_FACTORS)[number]

/** Six digits, for a time step of 30 seconds (RFC 6238). */
export const CODE_DIGITS = 6
export const STEP_SECONDS = 30

/**
 * Steps of six hours, as long as the longest wait for an attempt. A last used step that is further ahead was stored by a clock
 * that was ahead, and must not lock the user out until that time.
 */
export const STEPS_AHEAD = (6 * 3600) / STEP_SECONDS

/** A longer text is neither a code nor a recovery code. */
export const TYPED_CODE_LIMIT = 64

declare const code: unique symbol

/** A code as an authenticator shows it. */
export type TotpCode = string & { readonly [code]: true }

const CODE = new RegExp(`^[0-9]{${CODE_DIGITS}}$`)

/** Reads a typed code; undefined if it cannot be one. Authenticators show a space in the middle; some keyboards type wide digits. */
export function parseTotpCode(typed: string): TotpCode | undefined {
  if (typed.length > TYPED_CODE_LIMIT) return undefined
  const digits = typed.normalize('NFKC').replace(/\s/gu, '')
  return CODE.test(digits) ? (digits as TotpCode) : undefined
}
