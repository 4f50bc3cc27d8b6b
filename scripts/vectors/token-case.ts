import { claimsWith, headerOf, tokenOf, type Json, type Kid } from './signing.ts'

export interface TokenCase {
  readonly name: string
  /** One of `verifiers`. */
  readonly verifier: string
  readonly token: string
  /** `accepted`, or the code of the refusal. */
  readonly result: string
  /** With `accepted` only: everything that the application gets. */
  readonly claims?: Json
}

export const asymmetric: readonly Kid[] = ['ed', 'es', 'rs']
export const good = tokenOf('ed')
export const [header, payload, signature] = good.split('.') as [string, string, string]
export const goodJson = JSON.stringify(claimsWith())

export const accepted = (
  name: string,
  token: string,
  verifier = 'keys',
  given: Json = claimsWith(),
): TokenCase => {
  const claims = Object.fromEntries(
    Object.entries(given).filter(([name, value]) => value !== undefined && !['rcp', 'nbf'].includes(name)),
  )
  return { name, verifier, token, result: 'accepted', claims }
}
export const refused = (result: string, name: string, token: string, verifier = 'keys'): TokenCase => ({
  name,
  verifier,
  token,
  result,
})

export const withClaims = (more: Json): string => tokenOf('ed', claimsWith(more))
export const withHeader = (more: Json, kid: Kid = 'ed'): string =>
  tokenOf(kid, claimsWith(), { ...headerOf(kid), ...more })
export const acceptedWith = (name: string, more: Json): TokenCase =>
  accepted(name, withClaims(more), 'keys', claimsWith(more))

/** A good token of exactly that many characters. */
export function tokenOfLength(length: number): { readonly token: string; readonly claims: Json } {
  // A longer `jti` cannot reach every length, because no base64url has a length of 1 more than a multiple of 4.
  for (const cty of ['', 'x', 'xx']) {
    const shortest = tokenOf('ed', claimsWith({ jti: '' }), { ...headerOf('ed'), cty }).length
    const estimate = Math.floor(((length - shortest) * 3) / 4)
    for (const more of [-2, -1, 0, 1, 2]) {
      const claims = claimsWith({ jti: 'j'.repeat(estimate + more) })
      const token = tokenOf('ed', claims, { ...headerOf('ed'), cty })
      if (token.length === length) return { token, claims }
    }
  }
  throw new Error(`No token has ${length} characters.`)
}

/** For the name of a case. */
export const textOf = (value: unknown): string => (value === undefined ? 'missing' : JSON.stringify(value))

export const withAlgorithm = (alg: unknown): string => withHeader({ alg })

export function notUtf8(json: string): Buffer {
  const bytes = Buffer.from(json)
  bytes[bytes.indexOf('?')] = 0xff
  return bytes
}
