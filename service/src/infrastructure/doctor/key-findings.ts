import { randomBytes } from 'node:crypto'
import type { ListedKey } from '../../application/signing-keys/list-signing-keys.ts'
import { secondsAfter } from '../../domain/session.ts'
import type { Finding } from '../../interface-adapters/http/internal/finding.ts'
import type { TokenKeys } from '../crypto/key-ring.ts'
import { signData, verifyData } from '../crypto/signatures.ts'
import { failed, ok, warning } from './finding.ts'

/** The next key is made a day before it is needed. An hour later it is late. */
const SUCCESSOR_DUE_SECONDS = 23 * 3600

/** Signs something with the current key and verifies it as a verifier would. */
export function signingFindings(tokenKeys: TokenKeys, now: Date): readonly Finding[] {
  const signing = tokenKeys.signingKey(now)
  if (signing === undefined) {
    const advice =
      'Look for task.failed with signing-keys in the log. Until this is repaired, no user can sign in or refresh.'
    return [failed('keys', 'none can sign', advice)]
  }
  const { algorithm, encodedHeader } = signing
  const data = randomBytes(32)
  const signature = signData(algorithm, signing.key, data)
  const checking = tokenKeys.verificationKey(encodedHeader, now)
  const isRight = checking !== undefined && verifyData(algorithm, checking.key, data, signature)
  const isPublished = algorithm === 'HS256' || isAmong(tokenKeys.jwks(now).keys, encodedHeader)
  if (isRight && isPublished) return [ok('keys', `${algorithm} signs, and its signatures are accepted`)]
  const detail = isRight
    ? 'the current key is not published'
    : 'the signatures of the current key are not accepted'
  return [
    failed(
      'keys',
      detail,
      'Rotate the keys (chat-auth keys rotate), restart the instance, and report it: this is a bug of the service.',
    ),
  ]
}

const isAmong = (published: readonly Readonly<Record<string, string>>[], encodedHeader: string): boolean => {
  const { kid } = JSON.parse(Buffer.from(encodedHeader, 'base64url').toString()) as { kid: string }
  return published.some((key) => key['kid'] === kid)
}

/** Whether another key follows the current one, and whether all keys can be used. */
export function rotationFindings(keys: readonly ListedKey[], now: Date): readonly Finding[] {
  const signing = keys.find(({ state }) => state === 'signing')
  const coming = keys.find(({ state }) => state === 'coming')
  const found: Finding[] = []
  if (coming !== undefined)
    found.push(ok('keys', `the next one takes over at ${coming.key.signsFrom.toISOString()}`))
  else if (signing !== undefined) {
    const { signsUntil } = signing.key
    const isLate = signsUntil < secondsAfter(now, SUCCESSOR_DUE_SECONDS)
    const detail = `the current one signs until ${signsUntil.toISOString()}`
    const advice = 'The next key is late: look for task.failed with signing-keys in the log.'
    found.push(isLate ? warning('keys', `${detail}, and there is no next one`, advice) : ok('keys', detail))
  }
  const lost = keys.filter(({ isUsable }) => !isUsable).length
  if (lost > 0 && lost === keys.length) {
    found.push(
      failed(
        'keys',
        `none of ${keys.length} can be decrypted with AUTH_SECRET`,
        'Set AUTH_SECRET as on the other instances, and restart this one. Until then it signs no tokens.',
      ),
    )
  } else if (lost > 0) {
    found.push(
      warning(
        'keys',
        `${lost} of ${keys.length} cannot be decrypted with AUTH_SECRET`,
        'This is expected if AUTH_SECRET was replaced without keeping the old one in AUTH_SECRET_PREVIOUS. Otherwise set the same AUTH_SECRET on all instances.',
      ),
    )
  }
  return found
}
