import { TYPED_CODE_LIMIT } from './second-factor.ts'

declare const brand: unique symbol

/** A recovery code without its groups: 120 random bits in the alphabet of Crockford's Base32. */
export type RecoveryCode = string & { readonly [brand]: true }

/** How many codes a user gets. A new set replaces the earlier one. */
export const RECOVERY_CODES = 10

/** Without I, L, O and U: the first three look like digits. */
export const RECOVERY_ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
/** From 112 bits on, a plain hash may be stored (ASVS 6.5.2). */
export const RECOVERY_CODE_LENGTH = 24
const GROUP_LENGTH = 4

const RECOVERY_CODE = new RegExp(`^[${RECOVERY_ALPHABET}]{${RECOVERY_CODE_LENGTH}}$`)

/** Reads a typed code in any case and grouping, with letters for the digits that look like them. */
export function parseRecoveryCode(typed: string): RecoveryCode | undefined {
  if (typed.length > TYPED_CODE_LIMIT) return undefined
  const text = typed
    .replace(/[\s\p{Pd}]/gu, '')
    .toUpperCase()
    .replaceAll('O', '0')
    .replaceAll(/[IL]/g, '1')
  return RECOVERY_CODE.test(text) ? (text as RecoveryCode) : undefined
}

/** As it is shown: `7K3M-QX9T-BD2H-W8NP-5RVE-04CJ`. */
export const shownRecoveryCode = (code: RecoveryCode): string =>
  (code.match(new RegExp(`.{${GROUP_LENGTH}}`, 'g')) ?? []).join('-')
