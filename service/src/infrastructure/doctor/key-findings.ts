import { randomBytes } from 'node:crypto'
import type { ListedKey } from '../../application/keys/list-signing-keys.ts'
import { secondsAfter } from '../../domain/session.ts'
import type { Finding } from '../../interface-adapters/http/doctor-routes.ts'
import type { TokenKeys } from '../crypto/key-ring.ts'
import { signData, verifyData } from '../crypto/signatures.ts'
import { failed, ok, warning } from './finding.ts'

/** A successor is made a day before it is needed; an hour later it is late. */
const SUCCESSOR_DUE_SECONDS = 23 * 3600

/** Signs something with the present key and checks it as a verifier would. */
export function signingFindings(tokenKeys: TokenKeys, now: Date): readonly Finding[] {
  const signing = tokenKeys.signingKey(now)
  if (signing === undefined) {
    const advice =
      'Look for task.failed with signing-keys in the log; nobody can sign in or refresh until it is mended.'
    return [failed('keys', 'none can sign', advice)]
  }
  const { algorithm, encodedHeader } = signing
  const data = randomBytes(32)
  const signature = signData(algorithm, signing.key, data)
  const checking = tokenKeys.verificationKey(encodedHeader, now)
  const isRight = checking !== undefined && verifyData(algorithm, checking.key, data, signature)
  const isPublished = algorithm === 'HS256' || isAmong(tokenKeys.jwks(now).keys, encodedHeader)
  if (isRight && isPublished) return [ok('keys', `${algorithm} signs, and what it signs is accepted`)]
  const detail = isRight
    ? 'the key that signs is not published'
    : 'what the present key signs is not accepted'
  return [
    failed(
      'keys',
      detail,
      'Rotate the keys (chat-auth keys rotate), restart the instance, and report it: this is a fault of ours.',
    ),
  ]
}

const isAmong = (published: readonly Readonly<Record<string, string>>[], encodedHeader: string): boolean => {
  const { kid } = JSON.parse(Buffer.from(encodedHeader, 'base64url').toString()) as { kid: string }
  return published.some((key) => key['kid'] === kid)
}

/** What follows on the key that signs. */
export function rotationFindings(keys: readonly ListedKey[], now: Date): readonly Finding[] {
  const signing = keys.find(({ state }) => state === 'signing')
  const coming = keys.find(({ state }) => state === 'coming')
  const found: Finding[] = []
  if (coming !== undefined)
    found.push(ok('keys', `the next one takes over at ${coming.key.signsFrom.toISOString()}`))
  else if (signing !== undefined) {
    const { signsUntil } = signing.key
    const isLate = signsUntil < secondsAfter(now, SUCCESSOR_DUE_SECONDS)
    const detail = `the present one signs until ${signsUntil.toISOString()}`
    const advice = 'Its successor is late: look for task.failed with signing-keys in the log.'
    found.push(isLate ? warning('keys', `${detail}, and none follows`, advice) : ok('keys', detail))
  }
  const lost = keys.filter(({ isUsable }) => !isUsable).length
  if (lost > 0) {
    found.push(
      warning(
        'keys',
        `${lost} of ${keys.length} cannot be opened with AUTH_SECRET`,
        'Fine after a change of AUTH_SECRET without the old one as previous. Otherwise give all instances the same one.',
      ),
    )
  }
  return found
}
