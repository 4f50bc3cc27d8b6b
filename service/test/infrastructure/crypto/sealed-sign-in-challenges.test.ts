import { describe, expect, test } from 'vitest'
import type { SignInChallenge } from '../../../src/domain/sign-in-challenge.ts'
import type { UserId } from '../../../src/domain/user.ts'
import { encrypt } from '../../../src/infrastructure/crypto/encryption.ts'
import { HmacRefreshTokens } from '../../../src/infrastructure/crypto/hmac-refresh-tokens.ts'
import { SealedSignInChallenges } from '../../../src/infrastructure/crypto/sealed-sign-in-challenges.ts'
import { deriveKeys } from '../../../src/infrastructure/crypto/secrets.ts'
import { at, sessionId } from '../../support/builders.ts'

const secrets = { current: 'an old secret of the tests, long enough', previous: [] }
const challenges = new SealedSignInChallenges(secrets)

const content: Omit<SignInChallenge, 'id'> = {
  userId: 42 as UserId,
  passwordVersion: 3,
  factorsVersion: 2,
  deviceId: 'phone',
  deviceName: 'Anna’s phone',
  deviceIsKnown: true,
  knownNetwork: '203.0.113.7/32',
  expiresAt: at(300),
}
const token = challenges.issue(content)

describe('a sealed challenge', { tags: ['FACTOR-3'] }, () => {
  test('a challenge returns the content it was made of, with an id of its own', () => {
    expect(challenges.read(token)).toEqual({ ...content, id: expect.any(Buffer) as Buffer })
    expect(challenges.read(token)?.id).toHaveLength(16)
    expect(challenges.read(challenges.issue(content))?.id).not.toEqual(challenges.read(token)?.id)
    const bare = { ...content, deviceId: undefined, knownNetwork: undefined }
    expect(challenges.read(challenges.issue(bare))).toEqual({ ...bare, id: expect.any(Buffer) as Buffer })
  })

  test('a challenge shows nothing of its content', () => {
    const decoded = token.split('.').map((part) => Buffer.from(part, 'base64url').toString('latin1'))
    for (const trace of ['phone', '203.0.113', '42']) expect(decoded.join()).not.toContain(trace)
  })

  test('a challenge with the longest device fits into the field of the request', () => {
    const long = { ...content, deviceId: '"'.repeat(128), deviceName: '\u{1f600}'.repeat(100) }
    expect(challenges.issue(long).length).toBeLessThan(4_096)
  })

  test('a challenge that was changed anywhere, cut or written in another way is refused', () => {
    for (let place = 0; place < token.length; place += 1) {
      for (const other of ['A', 'B', '.', '=', ' ']) {
        if (token[place] === other) continue
        expect(challenges.read(token.slice(0, place) + other + token.slice(place + 1))).toBeUndefined()
      }
      expect(challenges.read(token.slice(0, place))).toBeUndefined()
    }
    for (const text of ['', '.', '...', `${token}.`, `${token}=`, ` ${token}`, token.toUpperCase()])
      expect(challenges.read(text)).toBeUndefined()
  })

  test('other spellings of the same bytes are refused', () => {
    const parts = token.split('.')
    const last = parts.at(-1) ?? ''
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    const others = Array.from(alphabet, (letter) => last.slice(0, -1) + letter).filter(
      (each) => each !== last,
    )
    for (const other of others)
      expect(challenges.read([...parts.slice(0, 3), other].join('.'))).toBeUndefined()
  })

  test('a text that was encrypted for another purpose or by another secret is not a challenge', () => {
    const json = Buffer.from('{}')
    for (const text of [
      encrypt(deriveKeys(secrets, 'authenticator secrets'), json, 'sign-in challenge, version 1'),
      encrypt(deriveKeys(secrets, 'sign-in challenges'), json, 'user 42'),
      new SealedSignInChallenges({ current: 'a secret of somebody else, long enough', previous: [] }).issue(
        content,
      ),
      new HmacRefreshTokens(secrets).issue({ userId: 42 as UserId, sessionId: sessionId(1), generation: 0 }),
    ])
      expect(challenges.read(text)).toBeUndefined()
  })

  test('a challenge of a previous secret is accepted', () => {
    const rotated = { current: 'a new secret of the tests, long enough', previous: [secrets.current] }
    expect(new SealedSignInChallenges(rotated).read(token)).toMatchObject({ userId: 42 })
  })
})
