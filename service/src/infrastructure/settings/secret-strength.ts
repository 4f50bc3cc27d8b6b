import { deflateRawSync } from 'node:zlib'

const MINIMUM_LENGTH = 32
/** Random secrets have more. "aaaa…", "changeme" repeated and a file of zero bytes have fewer. */
const MINIMUM_DIFFERENT_CHARACTERS = 10
/** 32 random digits need 26 bytes or more, 40 digits 31. Other random secrets need more than that. */
const compressedMinimum = (length: number): number => Math.max(24, Math.min(32, 0.65 * length))
/** In the order of the alphabet or of a keyboard. */
const ROWS = [
  'abcdefghijklmnopqrstuvwxyz',
  '01234567890',
  'qwertyuiop',
  'qwertzuiop',
  'azertyuiop',
  'asdfghjkl',
  'qsdfghjklm',
  'zxcvbnm',
  'yxcvbnm',
].flatMap((row) => [row, Array.from(row).reverse().join('')])

/** Says why a secret is too easy to guess, without showing it; undefined if it is strong enough. */
export function weaknessOf(secret: string): string | undefined {
  if (secret.length < MINIMUM_LENGTH) return `needs at least ${MINIMUM_LENGTH} characters`
  if (new Set(secret).size < MINIMUM_DIFFERENT_CHARACTERS) {
    return `needs at least ${MINIMUM_DIFFERENT_CHARACTERS} different characters`
  }
  if (isRepeated(secret)) return 'repeats itself'
  if (isSequence(secret)) return 'follows the alphabet or the keyboard'
  return undefined
}

/** The same text twice or more, or words that return with small changes. */
const isRepeated = (secret: string): boolean =>
  (secret + secret).indexOf(secret, 1) < secret.length ||
  deflateRawSync(secret, { level: 9 }).length < compressedMinimum(secret.length)

/** More than half of the steps go to a neighbour. In a random secret it is about a tenth. */
function isSequence(secret: string): boolean {
  const text = secret.toLowerCase()
  const pairs = Array.from({ length: text.length - 1 }, (_, place) => text.slice(place, place + 2))
  const steps = pairs.filter((pair) => ROWS.some((row) => row.includes(pair)))
  return steps.length > pairs.length / 2
}
