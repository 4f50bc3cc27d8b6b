import { p256 } from '@noble/curves/nist.js'
import { createHmac, createPrivateKey, sign, type JsonWebKey } from 'node:crypto'
import privateKeys from './private-keys.json' with { type: 'json' }

export type Kid = keyof typeof privateKeys
type Algorithm = 'EdDSA' | 'ES256' | 'RS256'
export type Json = Record<string, unknown>

export const issuer = 'https://auth.example.org'
export const audience = 'chat'
export const sharedSecret = 'the vectors share this secret of 42 bytes.'
/** The service's time in most vectors: 2026-01-31T12:00:00Z. */
export const nowSeconds = 1_769_860_800

const algorithmOf: Record<Kid, Algorithm> = {
  ed: 'EdDSA',
  'ed-2': 'EdDSA',
  es: 'ES256',
  rs: 'RS256',
  'rs-1024': 'RS256',
}

/** As the service publishes it. */
export function jwkOf(kid: Kid): Json {
  const { kty, crv, x, y, n, e }: JsonWebKey = privateKeys[kid]
  return { kty, crv, x, y, n, e, kid, alg: algorithmOf[kid], use: 'sig' }
}

export const privateJwkOf = (kid: Kid): Json => ({ ...jwkOf(kid), ...privateKeys[kid] })

export const headerOf = (kid: Kid): Json => ({ alg: algorithmOf[kid], typ: 'at+jwt', kid })

/** Good claims at `nowSeconds`, but for `more`. A member that is undefined is left out. */
export const claimsWith = (more: Json = {}): Json => ({
  iss: issuer,
  aud: audience,
  sub: '17',
  user_id: 17,
  sid: '0199aa11-5a3c-7c7e-9a53-1c7f5a1f7e11',
  gen: 3,
  jti: '7c9e6679-7425-40de-944b-e07fc1f90ae7',
  iat: nowSeconds - 60,
  exp: nowSeconds + 540,
  auth_time: nowSeconds - 3600,
  amr: ['pwd'],
  roles: ['moderator'],
  rcp: '3q2-7wECAwQFBgcI',
  ...more,
})

export const encode = (part: unknown): string =>
  Buffer.from(
    typeof part === 'string' || Buffer.isBuffer(part) ? (part as string) : JSON.stringify(part),
  ).toString('base64url')

/** Signs objects, or texts and bytes as they are. */
export function tokenOf(kid: Kid, claims: unknown = claimsWith(), header: unknown = headerOf(kid)): string {
  const signed = `${encode(header)}.${encode(claims)}`
  return `${signed}.${signatureOf(kid, signed).toString('base64url')}`
}

export function signatureOf(kid: Kid, signed: string): Buffer {
  const data = Buffer.from(signed)
  const jwk = privateKeys[kid] as JsonWebKey
  // By RFC 6979, so that each run makes the same file. OpenSSL draws a number for each signature.
  if (algorithmOf[kid] === 'ES256')
    return Buffer.from(p256.sign(data, Buffer.from(jwk.d ?? '', 'base64url'), { lowS: false }))
  const key = createPrivateKey({ key: jwk, format: 'jwk' })
  return sign(algorithmOf[kid] === 'EdDSA' ? null : 'sha256', data, key)
}

export function hmacToken(
  claims: unknown = claimsWith(),
  header: unknown = { ...headerOf('ed'), alg: 'HS256' },
  secret: string | Buffer = sharedSecret,
): string {
  const signed = `${encode(header)}.${encode(claims)}`
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`
}
