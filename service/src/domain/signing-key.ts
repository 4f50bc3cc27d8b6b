import { secondsAfter } from './session.ts'

const HOUR = 3600
const DAY = 24 * HOUR

export const SIGNING_ALGORITHMS = ['EdDSA', 'ES256', 'RS256'] as const

/** Names from RFC 7518 and RFC 8037. */
export type SigningAlgorithm = (typeof SIGNING_ALGORITHMS)[number]

/** The longest lifetime of an access token. A key stays published for this long after it last signed. */
export const LONGEST_ACCESS_TOKEN_TTL_SECONDS = DAY

/** How long a key signs … */
const SIGNING_PERIOD_SECONDS = 30 * DAY
/** … how long before its end the successor is made … */
const SUCCESSION_SECONDS = DAY
/** … and how long it is published before it signs: longer than any verifier caches the published keys. */
const PUBLICATION_LEAD_SECONDS = HOUR
/** The clocks of verifiers may be slow by this much. */
const CLOCK_TOLERANCE_SECONDS = 600

/** A key pair that signs access tokens. All of its times are set when it is made. */
export interface SigningKey {
  /** The JWK thumbprint (RFC 7638). */
  readonly kid: string
  readonly algorithm: SigningAlgorithm
  readonly publicJwk: Readonly<Record<string, string>>
  /** Encrypted under a key that never reaches the store. */
  readonly encryptedPrivateKey: string
  readonly signsFrom: Date
  readonly signsUntil: Date
  readonly publishedUntil: Date
}

export type KeyPair = Pick<SigningKey, 'kid' | 'algorithm' | 'publicJwk' | 'encryptedPrivateKey'>

export function scheduleKey(pair: KeyPair, signsFrom: Date): SigningKey {
  const signsUntil = secondsAfter(signsFrom, SIGNING_PERIOD_SECONDS)
  const grace = LONGEST_ACCESS_TOKEN_TTL_SECONDS + CLOCK_TOLERANCE_SECONDS
  return { ...pair, signsFrom, signsUntil, publishedUntil: secondsAfter(signsUntil, grace) }
}

/**
 * The key that signs now: the newest key of the wanted algorithm that may sign, otherwise the newest of another
 * algorithm. If no key may sign yet, the first one that will: the clocks of instances differ a little, and after a
 * pause the last key may end before its successor begins.
 */
export function pickSigningKey<K extends Pick<SigningKey, 'algorithm' | 'signsFrom' | 'signsUntil'>>(
  keys: readonly K[],
  wanted: SigningAlgorithm,
  now: Date,
): K | undefined {
  const newestFirst = keys
    .filter(({ signsUntil }) => now < signsUntil)
    .toSorted((a, b) => +b.signsFrom - +a.signsFrom)
  const begun = newestFirst.filter(({ signsFrom }) => signsFrom <= now)
  return begun.find(({ algorithm }) => algorithm === wanted) ?? begun[0] ?? newestFirst.at(-1)
}

/**
 * When a new key of the wanted algorithm has to start signing, or undefined while none is needed. It signs immediately only
 * if no other key can. A key that starts later than one made now was made while the clock was ahead, and does not count.
 */
export function successorSignsFrom(
  keys: readonly SigningKey[],
  wanted: SigningAlgorithm,
  now: Date,
): Date | undefined {
  const horizon = secondsAfter(now, SUCCESSION_SECONDS)
  const latestStart = secondsAfter(now, PUBLICATION_LEAD_SECONDS + CLOCK_TOLERANCE_SECONDS)
  const provided = keys.some(
    ({ algorithm, signsFrom, signsUntil }) =>
      algorithm === wanted && signsUntil > horizon && signsFrom <= latestStart,
  )
  return provided ? undefined : newKeySignsFrom(keys, wanted, now)
}

/** When a key that is made now starts signing: once it has been published long enough, if another can sign until then. */
export function newKeySignsFrom(keys: readonly SigningKey[], wanted: SigningAlgorithm, now: Date): Date {
  const current = pickSigningKey(keys, wanted, now)
  return current === undefined ? now : secondsAfter(now, PUBLICATION_LEAD_SECONDS)
}

/** `coming`: published, signs later; `signing`: signs now; `published`: only what was signed with it is checked. */
export const KEY_STATES = ['coming', 'signing', 'published'] as const

export type KeyState = (typeof KEY_STATES)[number]

/** The state of a key. `usable` are the keys whose private half can be decrypted. */
export function keyState(
  key: SigningKey,
  usable: readonly SigningKey[],
  wanted: SigningAlgorithm,
  now: Date,
): KeyState {
  if (pickSigningKey(usable, wanted, now)?.kid === key.kid) return 'signing'
  const canSignLater = key.signsFrom > now && usable.some(({ kid }) => kid === key.kid)
  return canSignLater ? 'coming' : 'published'
}
