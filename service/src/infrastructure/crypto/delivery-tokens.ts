import { randomUUID } from 'node:crypto'
import type { UserId } from '../../domain/user.ts'
import { issuedAt } from './issued-at.ts'
import type { TokenKeys } from './key-ring.ts'
import { noSigningKey } from './no-signing-key.ts'
import { signData } from './signatures.ts'

const TTL_SECONDS = 60

/**
 * Tokens for one call to a service of the platform about a user. The service decodes the token and reads `user_id`. It is
 * signed with the key of access tokens, the only key the service knows. It is not an access token: it has another `typ`,
 * no session and no audience, so neither this service nor a verifier accepts it as one.
 */
export const deliveryTokens =
  (keys: TokenKeys, issuer: string) =>
  (userId: UserId, now: Date): string => {
    const signing = keys.signingKey(now)
    if (signing === undefined) throw noSigningKey()
    const { kid } = JSON.parse(Buffer.from(signing.encodedHeader, 'base64url').toString()) as { kid: string }
    const claims = {
      iss: issuer,
      sub: String(userId),
      user_id: userId,
      jti: randomUUID(),
      iat: issuedAt(signing.algorithm, now),
      exp: Math.floor(+now / 1000) + TTL_SECONDS,
    }
    const header = { alg: signing.algorithm, typ: 'delivery+jwt', kid }
    const signed = [header, claims]
      .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
      .join('.')
    return `${signed}.${signData(signing.algorithm, signing.key, Buffer.from(signed)).toString('base64url')}`
  }
