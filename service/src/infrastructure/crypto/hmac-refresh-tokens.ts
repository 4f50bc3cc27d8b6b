import { createHmac, timingSafeEqual, type KeyObject } from 'node:crypto'
import type { RefreshTokenContent, RefreshTokens } from '../../application/ports/refresh-tokens.ts'
import { parseSessionId } from '../../domain/session.ts'
import { parseUserId } from '../../domain/user.ts'
import { deriveKeys, type DerivedKeys, type Secrets } from './secrets.ts'

const VERSION = 1
/** version 1 · key id 4 · user id 8 · session id 16 · generation 4 */
const CONTENT_LENGTH = 33
const MAC_LENGTH = 32
const TOKEN_LENGTH = Math.ceil(((CONTENT_LENGTH + MAC_LENGTH) * 4) / 3)

/** A refresh token is a counter for its session, authenticated by an HMAC-SHA256. No token is stored. */
export class HmacRefreshTokens implements RefreshTokens {
  readonly #keys: DerivedKeys

  constructor(secrets: Secrets) {
    this.#keys = deriveKeys(secrets, 'refresh tokens')
  }

  issue({ userId, sessionId, generation }: RefreshTokenContent): string {
    const { id, key } = this.#keys.current
    const content = Buffer.alloc(CONTENT_LENGTH)
    content.writeUInt8(VERSION, 0)
    content.write(id, 1, 'hex')
    content.writeBigUInt64BE(BigInt(userId), 5)
    content.write(sessionId.replaceAll('-', ''), 13, 'hex')
    content.writeUInt32BE(generation, 29)
    return Buffer.concat([content, macOf(key, content)]).toString('base64url')
  }

  verify(token: string): RefreshTokenContent | undefined {
    if (token.length !== TOKEN_LENGTH) return undefined
    const bytes = Buffer.from(token, 'base64url')
    // Many spellings decode to the same bytes. Only the canonical one is accepted.
    if (bytes.toString('base64url') !== token) return undefined
    const content = bytes.subarray(0, CONTENT_LENGTH)
    const key = this.#keys.byId.get(content.toString('hex', 1, 5))
    const isAuthentic =
      key !== undefined && timingSafeEqual(macOf(key.key, content), bytes.subarray(CONTENT_LENGTH))
    return isAuthentic && content.readUInt8(0) === VERSION ? read(content) : undefined
  }
}

const macOf = (key: KeyObject, content: Buffer): Buffer => createHmac('sha256', key).update(content).digest()

function read(content: Buffer): RefreshTokenContent | undefined {
  const userId = parseUserId(Number(content.readBigUInt64BE(5)))
  const hex = content.toString('hex', 13, 29)
  const groups = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)]
  const sessionId = parseSessionId(groups.join('-'))
  if (userId === undefined || sessionId === undefined) return undefined
  return { userId, sessionId, generation: content.readUInt32BE(29) }
}
