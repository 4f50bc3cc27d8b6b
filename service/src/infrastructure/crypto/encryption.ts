import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import type { DerivedKeys } from './secrets.ts'

const ALGORITHM = 'aes-256-gcm'
const IV_BYTES = 12
const TAG_BYTES = 16

/** Encrypts with the current key, and binds the text to its context. Its parts are key id, IV, tag and ciphertext. */
export function encrypt({ current: { id, key } }: DerivedKeys, bytes: Buffer, context: string): string {
  const iv = randomBytes(IV_BYTES)
  const cipher = createCipheriv(ALGORITHM, key, iv)
  cipher.setAAD(Buffer.from(context))
  const encrypted = Buffer.concat([cipher.update(bytes), cipher.final()])
  return [id, ...[iv, cipher.getAuthTag(), encrypted].map((part) => part.toString('base64url'))].join('.')
}

/** Undefined if the text is of an unknown key or another context, was changed, or is not in its one spelling. */
export function decrypt({ byId }: DerivedKeys, text: string, context: string): Buffer | undefined {
  const [id = '', ...parts] = text.split('.')
  const decoded = parts.map((part) => Buffer.from(part, 'base64url'))
  const [iv, tag, encrypted] = decoded
  const derived = byId.get(id)
  if (decoded.length !== 3 || derived === undefined || !iv || !tag || !encrypted) return undefined
  const isCanonical = decoded.every((part, at) => part.toString('base64url') === parts[at])
  if (!isCanonical || iv.length !== IV_BYTES || tag.length !== TAG_BYTES) return undefined
  const decipher = createDecipheriv(ALGORITHM, derived.key, iv, { authTagLength: TAG_BYTES })
  decipher.setAAD(Buffer.from(context)).setAuthTag(tag)
  try {
    return Buffer.concat([decipher.update(encrypted), decipher.final()])
  } catch {
    return undefined
  }
}
