import type { RefreshTokenContent, RefreshTokens } from '../../application/ports/refresh-tokens.ts'
import { parseSessionId } from '../../domain/session.ts'
import { parseUserId } from '../../domain/user.ts'
import { seal, unseal } from './sealed-bytes.ts'
import { deriveKeys, type DerivedKeys, type Secrets } from './secrets.ts'

/** header 5 · user id 8 · session id 16 · generation 4 */
const LENGTHS = { content: 33, mac: 32 }

/** A refresh token is a counter for its session, authenticated by an HMAC-SHA256. No token is stored. */
export class HmacRefreshTokens implements RefreshTokens {
  readonly #keys: DerivedKeys

  constructor(secrets: Secrets) {
    this.#keys = deriveKeys(secrets, 'refresh tokens')
  }

  issue({ userId, sessionId, generation }: RefreshTokenContent): string {
    const content = Buffer.alloc(LENGTHS.content)
    content.writeBigUInt64BE(BigInt(userId), 5)
    content.write(sessionId.replaceAll('-', ''), 13, 'hex')
    content.writeUInt32BE(generation, 29)
    return seal(this.#keys, content, LENGTHS.mac)
  }

  verify(token: string): RefreshTokenContent | undefined {
    const content = unseal(this.#keys, token, LENGTHS)
    return content && read(content)
  }
}

function read(content: Buffer): RefreshTokenContent | undefined {
  const userId = parseUserId(Number(content.readBigUInt64BE(5)))
  const hex = content.toString('hex', 13, 29)
  const groups = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)]
  const sessionId = parseSessionId(groups.join('-'))
  if (userId === undefined || sessionId === undefined) return undefined
  return { userId, sessionId, generation: content.readUInt32BE(29) }
}
