import {
  createHmac,
  createPublicKey,
  generateKeyPairSync,
  randomUUID,
  sign,
  type KeyObject,
} from 'node:crypto'
import type { Claims } from '../../src/token-types.ts'

export type Algorithm = 'EdDSA' | 'ES256' | 'RS256'

export interface SigningKey {
  readonly kid: string
  readonly algorithm: Algorithm
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
  /** As published. */
  readonly jwk: Record<string, unknown>
}

export function makeKey(kid: string, algorithm: Algorithm = 'EdDSA', modulusLength = 2048): SigningKey {
  const { privateKey, publicKey } = generatePair(algorithm, modulusLength)
  const jwk = {
    ...createPublicKey(privateKey).export({ format: 'jwk' }),
    kid,
    alg: algorithm,
    use: 'sig',
  }
  return { kid, algorithm, privateKey, publicKey, jwk }
}

function generatePair(algorithm: Algorithm, modulusLength: number) {
  if (algorithm === 'EdDSA') return generateKeyPairSync('ed25519')
  if (algorithm === 'ES256') return generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return generateKeyPairSync('rsa', { modulusLength })
}

export const encode = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')

export const headerOf = ({ kid, algorithm }: SigningKey): Record<string, unknown> => ({
  alg: algorithm,
  typ: 'at+jwt',
  kid,
})

/** Signs whatever it is given, a header or claims as an object or as raw text. */
export function signToken(key: SigningKey, claims: unknown, header: unknown = headerOf(key)): string {
  const signed = `${encode(header)}.${encode(claims)}`
  return `${signed}.${signatureOf(key, signed).toString('base64url')}`
}

export function signatureOf({ algorithm, privateKey }: SigningKey, signed: string): Buffer {
  const data = Buffer.from(signed)
  if (algorithm === 'EdDSA') return sign(null, data, privateKey)
  if (algorithm === 'RS256') return sign('sha256', data, privateKey)
  return sign('sha256', data, { key: privateKey, dsaEncoding: 'ieee-p1363' })
}

export function signWithSecret(secret: string | Buffer, claims: unknown, header: unknown): string {
  const signed = `${encode(header)}.${encode(claims)}`
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`
}

export const issuer = 'https://auth.example'
export const audience = 'chat'

/** Good claims at `nowMs`, but for what is given. */
export const claimsAt = (nowMs: number, given: object = {}): Claims => {
  const iat = Math.floor(nowMs / 1000)
  return {
    iss: issuer,
    aud: audience,
    sub: '7',
    user_id: 7,
    sid: randomUUID(),
    gen: 0,
    jti: 'j'.repeat(22),
    iat,
    exp: iat + 600,
    auth_time: iat,
    amr: ['pwd'],
    roles: [],
    ...given,
  }
}
