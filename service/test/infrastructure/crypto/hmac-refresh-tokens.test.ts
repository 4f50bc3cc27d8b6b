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
const token = tokens.seal(content)
const bytes = Buffer.from(token, 'base64url')

const alphabet = Array.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_')

/** Any content a session can have. */
const contents: fc.Arbitrary<RefreshTokenContent> = fc.record({
  userId: fc.oneof(
    fc.integer({ min: 1, max: 1000 }),
    fc.maxSafeInteger().map((n) => Math.abs(n) || 1),
  ) as fc.Arbitrary<UserId>,
  sessionId: fc.uuid() as fc.Arbitrary<SessionId>,
  generation: fc.oneof(fc.nat(100), fc.integer({ min: 0, max: 2 ** 32 - 1 })),
})

/** A token whose MAC is true, whatever its content says; made without the code under test. */
function sealed(change: (content: Buffer) => void): string {
  const key = Buffer.from(hkdfSync('sha256', oldSecret, '', 'chat-auth refresh tokens', 36))
  const changed = Buffer.from(bytes.subarray(0, 33))
  change(changed)
  const mac = createHmac('sha256', key.subarray(0, 32)).update(changed).digest()
  return Buffer.concat([changed, mac]).toString('base64url')
}

describe('a refresh token', () => {
  test('gives back all that was sealed', () => {
    fc.assert(
      fc.property(contents, (any) => {
        expect(tokens.open(tokens.seal(any))).toEqual(any)
      }),
    )
  })

  test.each([1, 2 ** 31, 2 ** 32, 2 ** 53 - 1])('can be of user %d', (userId) => {
    const any = { ...content, userId: userId as UserId }
    expect(tokens.open(tokens.seal(any))).toEqual(any)
  })

  test.each([0, 1, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1])('can be of generation %d', (generation) => {
    expect(tokens.open(tokens.seal({ ...content, generation }))?.generation).toBe(generation)
  })

  test.each([2 ** 32, -1])('is never made of a generation that does not fit: %d is a fault', (generation) => {
    expect(() => tokens.seal({ ...content, generation })).toThrow(RangeError)
  })

  test('is deterministic, so that a lost answer can be given again', () => {
    expect(new HmacRefreshTokens({ current: oldSecret, previous: [newSecret] }).seal(content)).toBe(token)
  })

  test('keeps its form from release to release: people stay signed in for months', () => {
    expect(token).toBe(
      'AYnXtsQAAAAAAAAAKgGaAAAAAHAAgAAAAAAAAAcAAAADdzJjahJfj5ngPCPG-r6zoKmdqcT8LrJ3pxRELTsQi5Q',
    )
    expect(token).toBe(sealed(() => undefined))
    expect(bytes.toString('hex', 0, 33)).toMatch(
      /^01[0-9a-f]{8}000000000000002a019a000000007000800000000000000700000003$/,
    )
  })

  test('differs wherever its content does', () => {
    fc.assert(
      fc.property(contents, contents, (one, other) => {
        fc.pre(JSON.stringify(one) !== JSON.stringify(other))
        expect(tokens.seal(one)).not.toBe(tokens.seal(other))
      }),
    )
  })
})

describe('what is no refresh token', () => {
  const expectRefused = (text: string): void => {
    expect(tokens.open(text), text.slice(0, 200)).toBeUndefined()
  }

  test('is one with any bit flipped, of the content and of the seal', () => {
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const flipped = Buffer.from(bytes)
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      expectRefused(flipped.toString('base64url'))
    }
  })

  test('is one with any character replaced by any other, stray bits of the last one included', () => {
    for (let index = 0; index < token.length; index += 1) {
      for (const character of [...alphabet, '=', '+', '/', ' ', '\n', '\0', 'é', '%']) {
        if (character !== token[index])
          expectRefused(token.slice(0, index) + character + token.slice(index + 1))
      }
    }
  })

  test('is one cut short at either end', () => {
    for (let length = 0; length < token.length; length += 1) {
      expectRefused(token.slice(0, length))
      expectRefused(token.slice(token.length - length))
    }
  })

  test('is one with anything before, after or inside', () => {
    for (const more of ['=', '==', 'A', 'AA', '.', ' ', '\n', '\0', '\ufeff', '%3D', token]) {
      for (let index = 0; index <= token.length; index += 1) {
        expectRefused(token.slice(0, index) + more + token.slice(index))
      }
    }
  })

  test('is one in the other alphabet of base64', () => {
    const other = fc
      .sample(contents, 50)
      .map((any) => tokens.seal(any).replaceAll('-', '+').replaceAll('_', '/'))
    const changed = other.filter((text) => /[+/]/.test(text))
    expect(changed.length).toBeGreaterThan(10)
    for (const text of changed) expectRefused(text)
  })

  test('is any other string', () => {
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

  test('is a string of any size', () => {
    expectRefused('')
    expectRefused('A'.repeat(20_000_000))
    expectRefused(token.repeat(10_000))
  })

  test('is an access token, a ticket, an id or a header', () => {
    expectRefused('eyJhbGciOiJFZERTQSIsInR5cCI6ImF0K2p3dCJ9.eyJzdWIiOiI0MiJ9.c2lnbmF0dXJl')
    expectRefused(randomBytes(32).toString('base64url'))
    expectRefused(randomBytes(65).toString('base64url'))
    expectRefused(content.sessionId)
    expectRefused(`Bearer ${token}`)
    expectRefused('__proto__')
  })

  test('is one of another version, of no user, or of a user past the safe integers, under a true seal', () => {
    expect(tokens.open(sealed((changed) => changed.writeUInt32BE(4, 29)))?.generation).toBe(4)
    expectRefused(sealed((changed) => changed.writeUInt8(0, 0)))
    expectRefused(sealed((changed) => changed.writeUInt8(2, 0)))
    expectRefused(sealed((changed) => changed.writeBigUInt64BE(0n, 5)))
    expectRefused(sealed((changed) => changed.writeBigUInt64BE(2n ** 53n, 5)))
    expectRefused(sealed((changed) => changed.writeBigUInt64BE(2n ** 64n - 1n, 5)))
  })

  test('is one sealed for another purpose', () => {
    const key = Buffer.from(hkdfSync('sha256', oldSecret, '', 'chat-auth signing keys', 36))
    const mac = createHmac('sha256', key.subarray(0, 32)).update(bytes.subarray(0, 33)).digest()
    expectRefused(Buffer.concat([bytes.subarray(0, 33), mac]).toString('base64url'))
  })
})

describe('a new AUTH_SECRET', () => {
  const rotated = new HmacRefreshTokens({ current: newSecret, previous: [oldSecret] })

  test('leaves the tokens of previous ones good', () => {
    expect(rotated.open(token)).toEqual(content)
    const twice = new HmacRefreshTokens({
      current: 'yet another secret, long enough'.repeat(2),
      previous: [newSecret, oldSecret],
    })
    expect(twice.open(token)).toEqual(content)
  })

  test('makes the tokens from then on', () => {
    const next = rotated.seal(content)
    expect(next).not.toBe(token)
    expect(next).toBe(new HmacRefreshTokens({ current: newSecret, previous: [] }).seal(content))
    expect(rotated.open(next)).toEqual(content)
    expect(tokens.open(next)).toBeUndefined()
  })

  test('ends the tokens of one that is dropped', () => {
    expect(new HmacRefreshTokens({ current: newSecret, previous: [] }).open(token)).toBeUndefined()
  })

  test('cannot be passed off as the old one: the name of the key is under the seal', () => {
    const next = Buffer.from(rotated.seal(content), 'base64url')
    const renamed = Buffer.from(next)
    bytes.copy(renamed, 1, 1, 5)
    expect(rotated.open(renamed.toString('base64url'))).toBeUndefined()
  })
})
