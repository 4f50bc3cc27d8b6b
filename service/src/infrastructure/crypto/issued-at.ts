import type { TokenAlgorithm } from './signatures.ts'

/**
 * HS256 is for services that decode tokens with the shared secret. PyJWT refuses a token whose `iat` is ahead of its own
 * clock, by default without leeway.
 */
const SLOW_CLOCK_SECONDS = 30

/** The `iat` of a token that is made now, as a NumericDate. No rule lengthens the life of a token with an earlier `iat`. */
export const issuedAt = (algorithm: TokenAlgorithm, now: Date): number =>
  Math.floor(+now / 1000) - (algorithm === 'HS256' ? SLOW_CLOCK_SECONDS : 0)
