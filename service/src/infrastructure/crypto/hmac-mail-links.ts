import type { MailLinkContent, MailLinkPurpose, MailLinks } from '../../application/ports/mail-links.ts'
import { parseSessionId } from '../../domain/session.ts'
import { parseUserId } from '../../domain/user.ts'
import { HEADER_LENGTH, seal, unseal } from './sealed-bytes.ts'
import { deriveKeys, type DerivedKeys, type Secrets } from './secrets.ts'

/** header 5 · purpose 1 · user id 8 · expiry in seconds 6 · version or session id 16. Nobody can guess 128 bits of a MAC. */
const LENGTHS = { content: 36, mac: 16 }

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
    const bytes = Buffer.alloc(LENGTHS.content)
    bytes.writeUInt8(PURPOSES[content.purpose], HEADER_LENGTH)
    bytes.writeBigUInt64BE(BigInt(content.userId), 6)
    bytes.writeUIntBE(Math.floor(+content.expiresAt / 1_000), 14, 6)
    bytes.write(subjectOf(content), 20, 'hex')
    return seal(this.#keys, bytes, LENGTHS.mac)
  }

  verify<P extends MailLinkPurpose>(
    token: string,
    purpose: P,
  ): Extract<MailLinkContent, { purpose: P }> | undefined {
    const content = unseal(this.#keys, token, LENGTHS)
    if (content?.readUInt8(HEADER_LENGTH) !== PURPOSES[purpose]) return undefined
    return read(content, purpose) as Extract<MailLinkContent, { purpose: P }> | undefined
  }
}

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
