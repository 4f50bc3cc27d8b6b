// Tokens as the service issues them, and what verifies them.
import { createSecretKey, randomBytes, randomUUID, type KeyObject } from 'node:crypto'
import {
  audience,
  claimsAt,
  headerOf,
  issuer,
  makeKey,
  signToken,
  signWithSecret,
  type SigningKey,
} from '../../../verifiers/node/test/support/tokens.ts'

export { audience, issuer }

export const ALGORITHMS = ['EdDSA', 'ES256', 'RS256', 'HS256'] as const
export type Algorithm = (typeof ALGORITHMS)[number]

/** The longest the service allows, so that none runs out while it is measured. */
const LIFETIME_SECONDS = 3_600

export interface Issuer {
  readonly algorithm: Algorithm
  /** The input of a bare signature check. */
  readonly key: KeyObject
  /** As published; HS256 publishes none. */
  readonly signingKey: SigningKey | undefined
  readonly sharedSecret: string | undefined
  /** A token of a session that nobody has seen yet. */
  issue(): string
}

const freshClaims = () => {
  const now = Date.now()
  const exp = Math.floor(now / 1_000) + LIFETIME_SECONDS
  return claimsAt(now, { exp, sid: randomUUID(), jti: randomBytes(16).toString('base64url') })
}

export function createIssuer(algorithm: Algorithm): Issuer {
  if (algorithm === 'HS256') {
    const sharedSecret = randomBytes(32).toString('base64url')
    const header = { alg: algorithm, typ: 'at+jwt', kid: 'shared' }
    const key = createSecretKey(Buffer.from(sharedSecret))
    return {
      algorithm,
      key,
      sharedSecret,
      signingKey: undefined,
      issue: () => signWithSecret(sharedSecret, freshClaims(), header),
    }
  }
  const signingKey = makeKey(`${algorithm}-key`, algorithm)
  const header = headerOf(signingKey)
  return {
    algorithm,
    signingKey,
    key: signingKey.publicKey,
    sharedSecret: undefined,
    issue: () => signToken(signingKey, freshClaims(), header),
  }
}
