import { createHmac, hkdfSync, randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { RefreshTokenContent } from '../../../src/application/ports/refresh-tokens.ts'
import type { SessionId } from '../../../src/domain/session.ts'
import type { UserId } from '../../../src/domain/user.ts'
import { HmacRefreshTokens } from '../../../src/infrastructure/crypto/hmac-refresh-tokens.ts'
import { sessionId } from '../../support/builders.ts'

const oldSecret = 'an old secret of the tests, long enough'
const newSecret = 'a new secret of the tests, long enough'
const tokens = new HmacRefreshTokens({ current: oldSecret, previous: [] })

const content: RefreshTokenContent = { userId: 42 as UserId, sessionId: sessionId(7), generation: 3 }
const token = tokens.issue(content)
const bytes = Buffer.from(token, 'base64url')

const alphabet = Array.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_')

/** Any content a refresh token can have. */
const contents: fc.Arbitrary<RefreshTokenContent> = fc.record({
  userId: fc.oneof(
    fc.integer({ min: 1, max: 1000 }),
    fc.maxSafeInteger().map((n) => Math.abs(n) || 1),
  ) as fc.Arbitrary<UserId>,
  sessionId: fc.uuid() as fc.Arbitrary<SessionId>,
  generation: fc.oneof(fc.nat(100), fc.integer({ min: 0, max: 2 ** 32 - 1 })),
})

/** A token with a valid MAC over any content, made without the code under test. */
function withValidMac(change: (content: Buffer) => void): string {
  const key = Buffer.from(hkdfSync('sha256', oldSecret, '', 'chat-auth refresh tokens', 36))
  const changed = Buffer.from(bytes.subarray(0, 33))
  change(changed)
  const mac = createHmac('sha256', key.subarray(0, 32)).update(changed).digest()
  return Buffer.concat([changed, mac]).toString('base64url')
}

describe('a refresh token', () => {
  test('a refresh token returns the content it was made of', () => {
    fc.assert(
      fc.property(contents, (any) => {
        expect(tokens.verify(tokens.issue(any))).toEqual(any)
      }),
    )
  })

  test.each([1, 2 ** 31, 2 ** 32, 2 ** 53 - 1])('a refresh token can belong to user %d', (userId) => {
    const any = { ...content, userId: userId as UserId }
    expect(tokens.verify(tokens.issue(any))).toEqual(any)
  })

  test.each([0, 1, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1])(
    'a refresh token can have generation %d',
    (generation) => {
      expect(tokens.verify(tokens.issue({ ...content, generation }))?.generation).toBe(generation)
    },
  )

  test.each([2 ** 32, -1])(
    'a refresh token of generation %d is never made: it is out of range',
    (generation) => {
      expect(() => tokens.issue({ ...content, generation })).toThrow(RangeError)
    },
  )

  test('a refresh token is deterministic, so a lost response can be repeated', () => {
    expect(new HmacRefreshTokens({ current: oldSecret, previous: [newSecret] }).issue(content)).toBe(token)
  })

  test('a refresh token has the same format in every release, so users stay signed in', () => {
    expect(token).toBe(
      'AYnXtsQAAAAAAAAAKgGaAAAAAHAAgAAAAAAAAAcAAAADdzJjahJfj5ngPCPG-r6zoKmdqcT8LrJ3pxRELTsQi5Q',
    )
    expect(token).toBe(withValidMac(() => undefined))
    expect(bytes.toString('hex', 0, 33)).toMatch(
      /^01[0-9a-f]{8}000000000000002a019a000000007000800000000000000700000003$/,
    )
  })

  test('refresh tokens of different content differ', () => {
    fc.assert(
      fc.property(contents, contents, (one, other) => {
        fc.pre(JSON.stringify(one) !== JSON.stringify(other))
        expect(tokens.issue(one)).not.toBe(tokens.issue(other))
      }),
    )
  })
})

describe('an invalid refresh token', () => {
  const expectRefused = (text: string): void => {
    expect(tokens.verify(text), text.slice(0, 200)).toBeUndefined()
  }

  test('a refresh token with any bit of content or MAC flipped is refused', { tags: ['TOKEN-4'] }, () => {
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const flipped = Buffer.from(bytes)
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      expectRefused(flipped.toString('base64url'))
    }
  })

  test('a refresh token with any character replaced is refused, stray bits included', () => {
    for (let index = 0; index < token.length; index += 1) {
      for (const character of [...alphabet, '=', '+', '/', ' ', '\n', '\0', 'é', '%']) {
        if (character !== token[index])
          expectRefused(token.slice(0, index) + character + token.slice(index + 1))
      }
    }
  })

  test('a refresh token cut short at either end is refused', () => {
    for (let length = 0; length < token.length; length += 1) {
      expectRefused(token.slice(0, length))
      expectRefused(token.slice(token.length - length))
    }
  })

  test('a refresh token with text before, after or inside it is refused', () => {
    for (const more of ['=', '==', 'A', 'AA', '.', ' ', '\n', '\0', '\ufeff', '%3D', token]) {
      for (let index = 0; index <= token.length; index += 1) {
        expectRefused(token.slice(0, index) + more + token.slice(index))
      }
    }
  })

  test('a refresh token in the other base64 alphabet is refused', () => {
    const other = fc
      .sample(contents, 50)
      .map((any) => tokens.issue(any).replaceAll('-', '+').replaceAll('_', '/'))
    const changed = other.filter((text) => /[+/]/.test(text))
    expect(changed.length).toBeGreaterThan(10)
    for (const text of changed) expectRefused(text)
  })

  test('any other string is refused as a refresh token', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.string({ unit: 'binary' })), (text) => expectRefused(text)),
    )
    const shaped = fc.string({
      unit: fc.constantFrom(...alphabet),
      minLength: token.length,
      maxLength: token.length,
    })
    fc.assert(fc.property(shaped, (text) => expectRefused(text)))
  })

  test('an empty or a very long string is refused as a refresh token', () => {
    expectRefused('')
    expectRefused('A'.repeat(20_000_000))
    expectRefused(token.repeat(10_000))
  })

  test('an access token, a ticket, an id or a header is refused as a refresh token', () => {
    expectRefused('eyJhbGciOiJFZERTQSIsInR5cCI6ImF0K2p3dCJ9.eyJzdWIiOiI0MiJ9.c2lnbmF0dXJl')
    expectRefused(randomBytes(32).toString('base64url'))
    expectRefused(randomBytes(65).toString('base64url'))
    expectRefused(content.sessionId)
    expectRefused(`Bearer ${token}`)
    expectRefused('__proto__')
  })

  test('a refresh token with a valid MAC and a bad version or user id is refused', () => {
    expect(tokens.verify(withValidMac((changed) => changed.writeUInt32BE(4, 29)))?.generation).toBe(4)
    expectRefused(withValidMac((changed) => changed.writeUInt8(0, 0)))
    expectRefused(withValidMac((changed) => changed.writeUInt8(2, 0)))
    expectRefused(withValidMac((changed) => changed.writeBigUInt64BE(0n, 5)))
    expectRefused(withValidMac((changed) => changed.writeBigUInt64BE(2n ** 53n, 5)))
    expectRefused(withValidMac((changed) => changed.writeBigUInt64BE(2n ** 64n - 1n, 5)))
  })

  test('a refresh token with a MAC by the key of another purpose is refused', () => {
    const key = Buffer.from(hkdfSync('sha256', oldSecret, '', 'chat-auth signing keys', 36))
    const mac = createHmac('sha256', key.subarray(0, 32)).update(bytes.subarray(0, 33)).digest()
    expectRefused(Buffer.concat([bytes.subarray(0, 33), mac]).toString('base64url'))
  })
})

describe('a new AUTH_SECRET', () => {
  const rotated = new HmacRefreshTokens({ current: newSecret, previous: [oldSecret] })

  test('refresh tokens of the previous secrets stay valid after AUTH_SECRET changes', () => {
    expect(rotated.verify(token)).toEqual(content)
    const twice = new HmacRefreshTokens({
      current: 'yet another secret, long enough'.repeat(2),
      previous: [newSecret, oldSecret],
    })
    expect(twice.verify(token)).toEqual(content)
  })

  test('a new AUTH_SECRET makes all new refresh tokens', () => {
    const next = rotated.issue(content)
    expect(next).not.toBe(token)
    expect(next).toBe(new HmacRefreshTokens({ current: newSecret, previous: [] }).issue(content))
    expect(rotated.verify(next)).toEqual(content)
    expect(tokens.verify(next)).toBeUndefined()
  })

  test('refresh tokens of a secret that was removed are refused', () => {
    expect(new HmacRefreshTokens({ current: newSecret, previous: [] }).verify(token)).toBeUndefined()
  })

  test('a refresh token with the key id of another secret is refused', () => {
    const next = Buffer.from(rotated.issue(content), 'base64url')
    const renamed = Buffer.from(next)
    bytes.copy(renamed, 1, 1, 5)
    expect(rotated.verify(renamed.toString('base64url'))).toBeUndefined()
  })
})
