import { randomUUID } from 'node:crypto'
import type { AccessClaims, AccessTokens } from '../../application/ports/access-tokens.ts'
import type { ReceiptProofs } from '../../application/ports/receipt-proofs.ts'
import { earlier, expiryOf, secondsAfter, type Session } from '../../domain/session.ts'
import { readAccessClaims } from './access-claims.ts'
import { issuedAt } from './issued-at.ts'
import type { TokenKeys } from './key-ring.ts'
import { noSigningKey } from './no-signing-key.ts'
import { signData, verifyData } from './signatures.ts'

/** No token of this service is longer. Longer ones are refused before any work. */
const LENGTH_LIMIT = 4096
const SHAPE = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/

export interface AccessTokenSettings {
  readonly issuer: string
  /** Undefined: tokens have no `aud`. */
  readonly audience: string | undefined
  readonly ttlSeconds: number
}

/** Access tokens as JWTs (RFC 9068). */
export class JwtAccessTokens implements AccessTokens {
  readonly #keys: TokenKeys
  readonly #receiptProofs: Pick<ReceiptProofs, 'prove'>
  readonly #settings: AccessTokenSettings

  constructor(keys: TokenKeys, receiptProofs: Pick<ReceiptProofs, 'prove'>, settings: AccessTokenSettings) {
    this.#keys = keys
    this.#receiptProofs = receiptProofs
    this.#settings = settings
  }

  issue(session: Session, now: Date): { token: string; expiresAt: Date } {
    const signing = this.#keys.signingKey(now)
    if (signing === undefined) throw noSigningKey()
    const { issuer, audience, ttlSeconds } = this.#settings
    const expires = toSeconds(earlier(secondsAfter(now, ttlSeconds), expiryOf(session)))
    const claims = {
      iss: issuer,
      aud: audience,
      sub: String(session.userId),
      user_id: session.userId,
      sid: session.id,
      gen: session.generation,
      jti: randomUUID(),
      iat: issuedAt(signing.algorithm, now),
      exp: expires,
      auth_time: toSeconds(session.authTime),
      amr: session.amr,
      roles: session.roles,
      rcp: this.#receiptProofs.prove(session.id, session.generation),
    }
    const signed = `${signing.encodedHeader}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}`
    const signature = signData(signing.algorithm, signing.key, Buffer.from(signed))
    return { token: `${signed}.${signature.toString('base64url')}`, expiresAt: new Date(expires * 1000) }
  }

  verify(token: string, now: Date): AccessClaims | undefined {
    if (token.length > LENGTH_LIMIT || !SHAPE.test(token)) return undefined
    const [header, payload, encodedSignature] = token.split('.') as [string, string, string]
    const key = this.#keys.verificationKey(header, now)
    const signature = Buffer.from(encodedSignature, 'base64url')
    // The signature protects the encoding of header and payload, but not its own. Only the canonical one is accepted.
    if (key === undefined || signature.toString('base64url') !== encodedSignature) return undefined
    if (!verifyData(key.algorithm, key.key, Buffer.from(`${header}.${payload}`), signature)) return undefined
    return readAccessClaims(Buffer.from(payload, 'base64url'), this.#settings, now)
  }
}

/** NumericDate of RFC 7519. Rounded down, so that a token never expires late. */
const toSeconds = (time: Date): number => Math.floor(time.getTime() / 1000)
