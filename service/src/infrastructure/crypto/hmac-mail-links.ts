import { createHmac, timingSafeEqual, type KeyObject } from 'node:crypto'
import type { MailLinkContent, MailLinkPurpose, MailLinks } from '../../application/ports/mail-links.ts'
import { parseSessionId } from '../../domain/session.ts'
import { parseUserId } from '../../domain/user.ts'
import { deriveKeys, type DerivedKeys, type Secrets } from './secrets.ts'

const VERSION = 1
/** version 1 · key id 4 · purpose 1 · user id 8 · expiry in seconds 6 · version or session id 16 */
const CONTENT_LENGTH = 36
/** Half of an HMAC-SHA256 (RFC 2104, section 5): nobody can guess 128 bits, and short links survive mail programs. */
const MAC_LENGTH = 16
const TOKEN_LENGTH = Math.ceil(((CONTENT_LENGTH + MAC_LENGTH) * 4) / 3)

/** Never changed or given to another purpose: links of earlier releases are still in mailboxes. */
const PURPOSES = {
  reset_password: 1,
  verify_email: 2,
  undo_email_change: 3,
  end_session: 4,
} as const satisfies Record<MailLinkPurpose, number>

/** The token of a link states what it allows, authenticated by an HMAC-SHA256. No token is stored. */
export class HmacMailLinks implements MailLinks {
  readonly #keys: DerivedKeys

  constructor(secrets: Secrets) {
    this.#keys = deriveKeys(secrets, 'mail links')
  }

  issue(content: MailLinkContent): string {
    const { id, key } = this.#keys.current
    const bytes = Buffer.alloc(CONTENT_LENGTH)
    bytes.writeUInt8(VERSION, 0)
    bytes.write(id, 1, 'hex')
    bytes.writeUInt8(PURPOSES[content.purpose], 5)
    bytes.writeBigUInt64BE(BigInt(content.userId), 6)
    bytes.writeUIntBE(Math.floor(+content.expiresAt / 1_000), 14, 6)
    bytes.write(subjectOf(content), 20, 'hex')
    return Buffer.concat([bytes, macOf(key, bytes)]).toString('base64url')
  }

  verify<P extends MailLinkPurpose>(
    token: string,
    purpose: P,
  ): Extract<MailLinkContent, { purpose: P }> | undefined {
    if (token.length !== TOKEN_LENGTH) return undefined
    const bytes = Buffer.from(token, 'base64url')
    // Many spellings decode to the same bytes. Only the canonical one is accepted.
    if (bytes.toString('base64url') !== token) return undefined
    const content = bytes.subarray(0, CONTENT_LENGTH)
    const key = this.#keys.byId.get(content.toString('hex', 1, 5))
    const isAuthentic =
      key !== undefined && timingSafeEqual(macOf(key.key, content), bytes.subarray(CONTENT_LENGTH))
    if (!isAuthentic || content.readUInt8(0) !== VERSION) return undefined
    if (content.readUInt8(5) !== PURPOSES[purpose]) return undefined
    return read(content, purpose) as Extract<MailLinkContent, { purpose: P }> | undefined
  }
}

const macOf = (key: KeyObject, content: Buffer): Buffer =>
  createHmac('sha256', key).update(content).digest().subarray(0, MAC_LENGTH)

/** In hex: the id of a session, or a version. */
function subjectOf(content: MailLinkContent): string {
  switch (content.purpose) {
    case 'reset_password':
      return hexOf(content.passwordVersion)
    case 'verify_email':
    case 'undo_email_change':
      return hexOf(content.emailVersion)
    case 'end_session':
      return content.sessionId.replaceAll('-', '')
  }
}

function hexOf(version: number): string {
  if (!Number.isSafeInteger(version) || version < 0) throw new RangeError(`${version} is not a version`)
  return version.toString(16).padStart(32, '0')
}

function read(content: Buffer, purpose: MailLinkPurpose): MailLinkContent | undefined {
  const userId = parseUserId(Number(content.readBigUInt64BE(6)))
  if (userId === undefined) return undefined
  const common = { userId, expiresAt: new Date(content.readUIntBE(14, 6) * 1_000) }
  const subject = content.toString('hex', 20)
  const version = Number.parseInt(subject, 16)
  switch (purpose) {
    case 'reset_password':
      return { ...common, purpose, passwordVersion: version }
    case 'verify_email':
    case 'undo_email_change':
      return { ...common, purpose, emailVersion: version }
    case 'end_session': {
      const sessionId = parseSessionId(subject.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-'))
      return sessionId && { ...common, purpose, sessionId }
    }
  }
}
