import { deliveryToken } from './delivery-tokens.ts'
import { claimsWith, headerOf, nowSeconds, tokenOf, type Json, type Kid } from './signing.ts'
import { sessionOf } from './transcript.ts'

/** Tokens that transcripts name. Each is signed once. */
export class SessionTokens {
  readonly #tokens = new Map<string, string>()

  /** The name of a token of a session, whose user has the same number. Times are seconds after the start. */
  of(session: number, more: SessionTokenClaims = {}, kid: Kid = 'ed'): string {
    const name = [`session ${session}`, ...details(more, kid)].join(', ')
    if (!this.#tokens.has(name)) this.#tokens.set(name, tokenOf(kid, claimsOf(session, more), headerOf(kid)))
    return name
  }

  /** The name of a delivery token of a user. Times are seconds after the start. */
  delivery(
    user: number,
    times: { readonly exp?: number; readonly nbf?: number } = {},
    kid: Kid = 'ed',
  ): string {
    const name = [`delivery of user ${user}`, ...details(times, kid)].join(', ')
    const { exp, nbf } = times
    const claims = {
      user_id: user,
      sub: String(user),
      ...(exp !== undefined && { exp: nowSeconds + exp }),
      ...(nbf !== undefined && { nbf: nowSeconds + nbf }),
    }
    if (!this.#tokens.has(name)) this.#tokens.set(name, deliveryToken(claims, kid))
    return name
  }

  toJson(): Json {
    return Object.fromEntries(this.#tokens)
  }
}

const details = (claims: object, kid: Kid): string[] => [
  ...Object.entries(claims).map(([claim, value]) => `${claim} ${String(value)}`),
  ...(kid === 'ed' ? [] : [`kid ${kid}`]),
]

interface SessionTokenClaims {
  readonly gen?: number
  readonly iat?: number
  readonly exp?: number
  readonly nbf?: number
  readonly user_id?: number
  readonly auth_time?: number
}

export function claimsOf(
  session: number,
  { gen = 0, iat, exp, nbf, auth_time: authTime, user_id: userId = session }: SessionTokenClaims,
): Json {
  return claimsWith({
    sid: sessionOf(session),
    user_id: userId,
    sub: String(userId),
    gen,
    roles: [],
    rcp: `proof-${session}-${gen}`,
    ...(iat !== undefined && { iat: nowSeconds + iat }),
    ...(exp !== undefined && { exp: nowSeconds + exp }),
    ...(authTime !== undefined && { auth_time: nowSeconds + authTime }),
    ...(nbf !== undefined && { nbf: nowSeconds + nbf }),
  })
}
