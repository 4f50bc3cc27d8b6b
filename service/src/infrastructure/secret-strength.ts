const LENGTH = 32
/** Random ones have more; "aaaa…", "changeme" repeated and a file of zero bytes have fewer. */
const DIFFERENT_CHARACTERS = 10

/** What makes a secret too easy to guess, in words that do not show it; undefined when nothing does. */
export function weaknessOf(secret: string): string | undefined {
  if (secret.length < LENGTH) return `needs at least ${LENGTH} characters`
  if (new Set(secret).size < DIFFERENT_CHARACTERS) {
    return `needs at least ${DIFFERENT_CHARACTERS} different characters`
  }
  return undefined
}
