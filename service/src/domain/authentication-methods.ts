/** The methods of a second factor: a code of an authenticator (RFC 8176), or a recovery code, which has no registered name. */
const FACTOR_METHODS = ['otp', 'recovery'] as const

export type FactorMethod = (typeof FACTOR_METHODS)[number]

const PASSWORD = 'pwd'
const SEVERAL = 'mfa'
/** In the order in which a token lists them. */
const METHODS: readonly string[] = [PASSWORD, ...FACTOR_METHODS]

/** The claim `amr` for what was proven: each method once, and `mfa` if a factor came on top of the password (RFC 8176). */
export function methodsOf(proven: readonly string[]): readonly string[] {
  const used = METHODS.filter((method) => proven.includes(method))
  return used.includes(PASSWORD) && hasUsedFactor(used) ? [...used, SEVERAL] : used
}

/** Whether a second factor, or a recovery code in its place, was used. */
export const hasUsedFactor = (amr: readonly string[]): boolean =>
  FACTOR_METHODS.some((method) => amr.includes(method))
