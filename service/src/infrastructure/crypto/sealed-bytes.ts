import { createHmac, timingSafeEqual, type KeyObject } from 'node:crypto'
import type { DerivedKeys } from './secrets.ts'

/** Sealed bytes begin with version 1 · key id 4. */
const VERSION = 1
export const HEADER_LENGTH = 5

interface Lengths {
  readonly content: number
  /** At most 32; fewer bytes of the HMAC-SHA256 make a shorter token (RFC 2104, section 5). */
  readonly mac: number
}

/** Writes the header into `content`, and returns it in base64url with an HMAC-SHA256 under the current key. */
export function seal({ current: { id, key } }: DerivedKeys, content: Buffer, macLength: number): string {
  content.writeUInt8(VERSION, 0)
  content.write(id, 1, 'hex')
  return Buffer.concat([content, macOf(key, content, macLength)]).toString('base64url')
}

/** The content of a token that `seal` made with a current or previous key, in its one spelling; undefined for any other. */
export function unseal({ byId }: DerivedKeys, token: string, lengths: Lengths): Buffer | undefined {
  if (token.length !== Math.ceil(((lengths.content + lengths.mac) * 4) / 3)) return undefined
  const bytes = Buffer.from(token, 'base64url')
  // Many spellings decode to the same bytes. Only the canonical one is accepted.
  if (bytes.toString('base64url') !== token) return undefined
  const content = bytes.subarray(0, lengths.content)
  const key = byId.get(content.toString('hex', 1, HEADER_LENGTH))?.key
  const isAuthentic =
    key !== undefined && timingSafeEqual(macOf(key, content, lengths.mac), bytes.subarray(lengths.content))
  return isAuthentic && content.readUInt8(0) === VERSION ? content : undefined
}

const macOf = (key: KeyObject, content: Buffer, length: number): Buffer =>
  createHmac('sha256', key).update(content).digest().subarray(0, length)
