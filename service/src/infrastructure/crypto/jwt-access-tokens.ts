import { randomUUID } from 'node:crypto'
import { ApplicationError } from '../../application/errors.ts'
import type { AccessClaims, AccessTokens } from '../../application/ports/access-tokens.ts'
import {
  earlier,
  parseGeneration,
  parseSessionId,
  runsOutAt,
  secondsAfter,
  type Session,
} from '../../domain/session.ts'
import { parseUserId } from '../../domain/user.ts'
import type { TokenKeys } from './key-ring.ts'
import { signData, verifyData } from './signatures.ts'

/** Longer than any token of ours; refused before any work. */
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
  readonly #settings: AccessTokenSettings

  constructor(keys: TokenKeys, settings: AccessTokenSettings) {
    this.#keys = keys
    this.#settings = settings
  }

  issue(session: Session, now: Date): { token: string; expiresAt: Date } {
    const signing = this.#keys.signingKey(now)
    if (signing === undefined) throw new ApplicationError('unavailable', { retryAfterSeconds: 5 })
    const { issuer, audience, ttlSeconds } = this.#settings
    const expires = toSeconds(earlier(secondsAfter(now, ttlSeconds), runsOutAt(session)))
    const claims = {
      iss: issuer,
      aud: audience,
      sub: String(session.userId),
      user_id: session.userId,
      sid: session.id,
      gen: session.generation,
      jti: randomUUID(),
      iat: toSeconds(now),
      exp: expires,
      auth_time: toSeconds(session.authTime),
      amr: session.amr,
      roles: session.roles,
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
    // The payload's spelling is under the signature, the signature's own is not.
    if (key === undefined || signature.toString('base64url') !== encodedSignature) return undefined
    if (!verifyData(key.algorithm, key.key, Buffer.from(`${header}.${payload}`), signature)) return undefined
    return this.#read(parseClaims(payload), now)
  }

  #read(claims: Record<string, unknown>, now: Date): AccessClaims | undefined {
    const { iss, aud, iat, exp, gen, sid, sub } = claims
    if (iss !== this.#settings.issuer || aud !== this.#settings.audience) return undefined
    if (typeof exp !== 'number' || typeof sub !== 'string' || typeof sid !== 'string') return undefined
    if (!Number.isSafeInteger(iat)) return undefined
    const expiresAt = new Date(exp * 1000)
    // Not `<=`: past the range of dates every comparison is false.
    if (!(expiresAt > now)) return undefined
    const [userId, sessionId, generation] = [parseUserId(sub), parseSessionId(sid), parseGeneration(gen)]
    if (userId === undefined || sessionId === undefined || generation === undefined) return undefined
    return { userId, sessionId, generation, issuedAt: new Date(Number(iat) * 1000), expiresAt }
  }
}

/** Whoever shares the secret of HS256 can sign anything at all, even what is not JSON or not an object. */
function parseClaims(payload: string): Record<string, unknown> {
  try {
    return { ...(JSON.parse(Buffer.from(payload, 'base64url').toString()) as object | null) }
  } catch {
    return {}
  }
}

/** NumericDate of RFC 7519, rounded down: never later than the moment meant. */
const toSeconds = (time: Date): number => Math.floor(time.getTime() / 1000)
