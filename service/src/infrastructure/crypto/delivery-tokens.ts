import { randomUUID } from 'node:crypto'
import { ApplicationError } from '../../application/errors.ts'
import type { UserId } from '../../domain/user.ts'
import type { TokenKeys } from './key-ring.ts'
import { signData } from './signatures.ts'

const TTL_SECONDS = 60

/**
 * Tokens for one call to a service of the platform about a person, which decodes them and reads `user_id`. They have the
 * key of access tokens, since that is the one the service knows, and are none: of another `typ`, without a session and
 * without an audience, so neither this service nor a verifier takes one for a sign-in.
 */
export const deliveryTokens =
  (keys: TokenKeys, issuer: string) =>
  (userId: UserId, now: Date): string => {
    const signing = keys.signingKey(now)
    if (signing === undefined) throw new ApplicationError('unavailable', { retryAfterSeconds: 5 })
    const { kid } = JSON.parse(Buffer.from(signing.encodedHeader, 'base64url').toString()) as { kid: string }
    const issuedAt = Math.floor(+now / 1000)
    const claims = {
      iss: issuer,
      sub: String(userId),
      user_id: userId,
      jti: randomUUID(),
      iat: issuedAt,
      exp: issuedAt + TTL_SECONDS,
    }
    const header = { alg: signing.algorithm, typ: 'delivery+jwt', kid }
    const signed = [header, claims]
      .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
      .join('.')
    return `${signed}.${signData(signing.algorithm, signing.key, Buffer.from(signed)).toString('base64url')}`
  }
