import { randomBytes, timingSafeEqual } from 'node:crypto'
import { hashingThreads } from './unstarved-threads.ts'

/** A kind of password hash that was imported from another service. It is only checked, never made. */
export interface ForeignPasswordHash {
  /** Whether `hash` is of this kind, well formed, and cheap enough to check. */
  readonly recognises: (hash: string) => boolean
  /** Whether `hash` is the hash of `typed` in UTF-8. `hash` must be recognised. */
  readonly verify: (typed: string, hash: string) => Promise<boolean>
  /** A hash of no known password, at the usual cost of its kind. */
  readonly dummy: string
}

const hashBytes = 32
const usualRounds = 29_000
const maxRounds = 1_000_000
/** The limit of passlib. */
const maxSaltBytes = 1024

/** Rounds, salt, hash. The lengths are in base64 characters: 1366 for the longest salt, 43 for a SHA-256. */
const passlibForm = /^\$pbkdf2-sha256\$([1-9]\d{0,6})\$([A-Za-z0-9./]{0,1366})\$([A-Za-z0-9./]{43})$/

/** passlib's `pbkdf2_sha256`, as Python services store it: `$pbkdf2-sha256$29000$<salt>$<hash>`. */
export const passlibPbkdf2Sha256: ForeignPasswordHash = {
  recognises: (hash) => parse(hash) !== undefined,

  verify: async (typed, hash) => {
    const parsed = parse(hash)
    // A lone surrogate has no UTF-8 form. Node would hash U+FFFD in its place, so all of them would match each other.
    if (parsed === undefined || !typed.isWellFormed()) return false
    // Copied: a Buffer shares its memory with others, and all of that memory would be copied to the thread.
    const salt = Uint8Array.from(parsed.salt)
    const derived = await hashingThreads.run('pbkdf2', typed, salt, parsed.rounds, hashBytes, 'sha256')
    return timingSafeEqual(derived, parsed.hash)
  },

  dummy: `$pbkdf2-sha256$${usualRounds}$${adaptedBase64(randomBytes(16))}$${adaptedBase64(randomBytes(hashBytes))}`,
}

function parse(text: string): { rounds: number; salt: Buffer; hash: Buffer } | undefined {
  const [, rounds, salt, hash] = passlibForm.exec(text) ?? []
  if (rounds === undefined || salt === undefined || hash === undefined) return undefined
  const parsed = { rounds: Number(rounds), salt: fromAdaptedBase64(salt), hash: fromAdaptedBase64(hash) }
  if (parsed.rounds > maxRounds || parsed.salt.length > maxSaltBytes) return undefined
  // Also refuses impossible base64 lengths, and stray bits in the last character.
  return adaptedBase64(parsed.salt) === salt && adaptedBase64(parsed.hash) === hash ? parsed : undefined
}

/** passlib's "ab64": base64 with `.` for `+`, without padding. */
function adaptedBase64(bytes: Buffer): string {
  return bytes.toString('base64').replaceAll('+', '.').replaceAll('=', '')
}

function fromAdaptedBase64(text: string): Buffer {
  return Buffer.from(text.replaceAll('.', '+'), 'base64')
}
