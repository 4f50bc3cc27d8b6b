import { createHmac, hkdfSync } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { MailLinkContent, MailLinkPurpose } from '../../../src/application/ports/mail-links.ts'
import type { SessionId } from '../../../src/domain/session.ts'
import type { UserId } from '../../../src/domain/user.ts'
import { HmacMailLinks } from '../../../src/infrastructure/crypto/hmac-mail-links.ts'
import { HmacRefreshTokens } from '../../../src/infrastructure/crypto/hmac-refresh-tokens.ts'
import { sessionId } from '../../support/builders.ts'

const oldSecret = 'an old secret of the tests, long enough'
const newSecret = 'a new secret of the tests, long enough'
const links = new HmacMailLinks({ current: oldSecret, previous: [] })

const common = { userId: 42 as UserId, expiresAt: new Date('2026-03-01T13:00:00Z') }
const content: MailLinkContent = { ...common, purpose: 'reset_password', passwordVersion: 3 }
const token = links.issue(content)
const bytes = Buffer.from(token, 'base64url')
const contentLength = 36

const alphabet = Array.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_')
const purposes: readonly MailLinkPurpose[] = [
  'reset_password',
  'verify_email',
  'undo_email_change',
  'end_session',
]

const version = fc.oneof(fc.integer({ min: 1, max: 1000 }), fc.integer({ min: 0, max: 2 ** 31 - 1 }))
const commons = fc.record({
  userId: fc.maxSafeInteger().map((n) => Math.abs(n) || 1) as fc.Arbitrary<UserId>,
  expiresAt: fc.integer({ min: 0, max: 2 ** 40 }).map((seconds) => new Date(seconds * 1000)),
})
/** Any content a link can have. */
const contents: fc.Arbitrary<MailLinkContent> = commons.chain((each) =>
  fc.oneof(
    version.map((n): MailLinkContent => ({ ...each, purpose: 'reset_password', passwordVersion: n })),
    version.map((n): MailLinkContent => ({ ...each, purpose: 'verify_email', emailVersion: n })),
    version.map((n): MailLinkContent => ({ ...each, purpose: 'undo_email_change', emailVersion: n })),
    fc.uuid().map((id): MailLinkContent => ({ ...each, purpose: 'end_session', sessionId: id as SessionId })),
  ),
)

/** A token with a valid MAC over any content, made without the code under test. */
function withValidMac(change: (content: Buffer) => void, purposeOfKey = 'mail links'): string {
  const key = Buffer.from(hkdfSync('sha256', oldSecret, '', `chat-auth ${purposeOfKey}`, 36))
  const changed = Buffer.from(bytes.subarray(0, contentLength))
  change(changed)
  const mac = createHmac('sha256', key.subarray(0, 32)).update(changed).digest().subarray(0, 16)
  return Buffer.concat([changed, mac]).toString('base64url')
}

/** Not for any purpose. */
function expectRefused(text: string): void {
  for (const purpose of purposes) expect(links.verify(text, purpose), text.slice(0, 200)).toBeUndefined()
}

describe('the token of a mail link', () => {
  test(
    'a mail link returns the content it was made of, and only for its purpose',
    { tags: ['MAIL-1'] },
    () => {
      fc.assert(
        fc.property(contents, (any) => {
          const issued = links.issue(any)
          for (const purpose of purposes) {
            expect(links.verify(issued, purpose)).toEqual(purpose === any.purpose ? any : undefined)
          }
        }),
      )
    },
  )

  test('mail links of different content differ', () => {
    fc.assert(
      fc.property(contents, contents, (one, other) => {
        fc.pre(JSON.stringify(one) !== JSON.stringify(other))
        expect(links.issue(one)).not.toBe(links.issue(other))
      }),
    )
  })

  test('a mail link has the same format in every release, so links in mailboxes stay good', () => {
    expect(token).toBe(withValidMac(() => undefined))
    expect(bytes.toString('hex', 0, contentLength)).toMatch(
      /^01[0-9a-f]{8}01000000000000002a000069a43850(0{31})3$/,
    )
    const purposeBytes = [
      links.issue({ ...common, purpose: 'verify_email', emailVersion: 3 }),
      links.issue({ ...common, purpose: 'undo_email_change', emailVersion: 3 }),
      links.issue({ ...common, purpose: 'end_session', sessionId: sessionId(7) }),
    ].map((each) => Buffer.from(each, 'base64url').readUInt8(5))
    expect(purposeBytes).toEqual([2, 3, 4])
  })

  test('a mail link needs no escaping in an address and has at most 70 characters', () => {
    fc.assert(
      fc.property(contents, (any) => {
        expect(links.issue(any)).toMatch(/^[\w-]{70}$/)
      }),
    )
  })

  test.each([-1, 0.5, Number.NaN, 2 ** 53])('a mail link of version %d is never made', (passwordVersion) => {
    expect(() => links.issue({ ...common, purpose: 'reset_password', passwordVersion })).toThrow(RangeError)
  })
})

describe('an invalid mail link', () => {
  test('a mail link with any bit of content or MAC flipped is refused', { tags: ['MAIL-1'] }, () => {
    for (let bit = 0; bit < bytes.length * 8; bit += 1) {
      const flipped = Buffer.from(bytes)
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      expectRefused(flipped.toString('base64url'))
    }
  })

  test(
    'a mail link with any character replaced is refused, stray bits included',
    { tags: ['MAIL-1'] },
    () => {
      for (let index = 0; index < token.length; index += 1) {
        for (const character of [...alphabet, '=', '+', '/', ' ', '\n', '\0', 'é', '%']) {
          if (character !== token[index])
            expectRefused(token.slice(0, index) + character + token.slice(index + 1))
        }
      }
    },
  )

  test('a mail link cut short at either end is refused', { tags: ['MAIL-1'] }, () => {
    for (let length = 0; length < token.length; length += 1) {
      expectRefused(token.slice(0, length))
      expectRefused(token.slice(token.length - length))
    }
  })

  test('a mail link with text before, after or inside it is refused', () => {
    for (const more of ['=', '==', 'A', 'AA', '.', ' ', '\n', '\0', '\ufeff', '%3D', token]) {
      for (let index = 0; index <= token.length; index += 1) {
        expectRefused(token.slice(0, index) + more + token.slice(index))
      }
    }
  })

  test('any other string is refused as a mail link', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.string({ unit: 'binary' })), (text) => expectRefused(text)),
    )
    const shaped = fc.string({
      unit: fc.constantFrom(...alphabet),
      minLength: token.length,
      maxLength: token.length,
    })
    fc.assert(fc.property(shaped, (text) => expectRefused(text)))
    expectRefused('A'.repeat(20_000_000))
  })

  test('a mail link with a valid MAC and a bad version, purpose or user id is refused', () => {
    const changed = withValidMac((each) => each.writeUInt8(9, 35))
    expect(links.verify(changed, 'reset_password')).toEqual({ ...content, passwordVersion: 9 })
    expectRefused(withValidMac((each) => each.writeUInt8(0, 0)))
    expectRefused(withValidMac((each) => each.writeUInt8(2, 0)))
    expectRefused(withValidMac((each) => each.writeUInt8(0, 5)))
    expectRefused(withValidMac((each) => each.writeUInt8(5, 5)))
    expectRefused(withValidMac((each) => each.writeBigUInt64BE(0n, 6)))
    expectRefused(withValidMac((each) => each.writeBigUInt64BE(2n ** 53n, 6)))
  })

  test('a refresh token and a MAC by the key of another purpose are refused', { tags: ['MAIL-1'] }, () => {
    expectRefused(withValidMac(() => undefined, 'refresh tokens'))
    const refreshTokens = new HmacRefreshTokens({ current: oldSecret, previous: [] })
    const refreshToken = refreshTokens.issue({
      userId: common.userId,
      sessionId: sessionId(7),
      generation: 3,
    })
    expectRefused(refreshToken)
    expectRefused(refreshToken.slice(0, token.length))
    expect(refreshTokens.verify(token)).toBeUndefined()
  })
})

describe('a new AUTH_SECRET and mail links', () => {
  const rotated = new HmacMailLinks({ current: newSecret, previous: [oldSecret] })

  test('mail links of the previous secrets stay good after AUTH_SECRET changes', () => {
    expect(rotated.verify(token, 'reset_password')).toEqual(content)
  })

  test('a new AUTH_SECRET makes all new mail links', () => {
    const next = rotated.issue(content)
    expect(next).toBe(new HmacMailLinks({ current: newSecret, previous: [] }).issue(content))
    expect(links.verify(next, 'reset_password')).toBeUndefined()
  })

  test('mail links of a secret that was removed are refused', () => {
    expect(
      new HmacMailLinks({ current: newSecret, previous: [] }).verify(token, 'reset_password'),
    ).toBeUndefined()
  })
})
