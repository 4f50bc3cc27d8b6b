import { describe, expect, test } from 'vitest'
import type { EncryptedTotpSecret } from '../../../src/application/ports/totp-secrets.ts'
import { parseTotpCode, type TotpCode } from '../../../src/domain/second-factor.ts'
import type { UserId } from '../../../src/domain/user.ts'
import { encrypt } from '../../../src/infrastructure/crypto/encryption.ts'
import { OtpauthTotpSecrets } from '../../../src/infrastructure/crypto/otpauth-totp-secrets.ts'
import { RandomRecoveryCodes } from '../../../src/infrastructure/crypto/random-recovery-codes.ts'
import { deriveKeys } from '../../../src/infrastructure/crypto/secrets.ts'
import { parseRecoveryCode, shownRecoveryCode } from '../../../src/domain/recovery-code.ts'
import { Authenticator, fromBase32 } from '../../support/authenticator.ts'
import { at } from '../../support/builders.ts'

const earlier = { current: 'an old secret of the tests, long enough', previous: [] }
const rotated = { current: 'a new secret of the tests, long enough', previous: [earlier.current] }
const secrets = new OtpauthTotpSecrets(earlier, 'Chat & more')
const anna = 42 as UserId

const code = (text: string): TotpCode => {
  const parsed = parseTotpCode(text)
  if (parsed === undefined) throw new Error(`${text} is not a code`)
  return parsed
}
const stored = (bytes: Buffer, userId = anna) =>
  encrypt(deriveKeys(earlier, 'authenticator secrets'), bytes, `user ${userId}`) as EncryptedTotpSecret

describe('codes of an authenticator', { tags: ['FACTOR-2'] }, () => {
  // RFC 6238, appendix B, for SHA-1. The codes there have eight digits; those with six are their ends.
  const vectors: [seconds: number, code: string][] = [
    [59, '94287082'],
    [1_111_111_109, '07081804'],
    [1_111_111_111, '14050471'],
    [1_234_567_890, '89005924'],
    [2_000_000_000, '69279037'],
    [20_000_000_000, '65353130'],
  ]
  const rfc = Buffer.from('12345678901234567890')

  test.each(vectors)('the code of RFC 6238 for second %d is good then', (seconds, digits) => {
    const now = new Date(seconds * 1000)
    const step = secrets.stepOf(stored(rfc), anna, code(digits.slice(2)), now)
    expect(step).toBe(Math.floor(seconds / 30))
  })

  test.each(vectors)(
    'the authenticator of the tests shows the code of RFC 6238 for second %d',
    (seconds, digits) => {
      const authenticator = new Authenticator('GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ')
      expect(authenticator.codeAt(new Date(seconds * 1000), 0, 8)).toBe(digits)
    },
  )

  test('a code is good for its step, and the one before and after', async () => {
    const { encrypted, text } = await secrets.create(anna, 'anna')
    const authenticator = new Authenticator(text)
    const now = at(17)
    const present = Math.floor(+now / 30_000)
    for (const off of [-1, 0, 1])
      expect(secrets.stepOf(encrypted, anna, code(authenticator.codeAt(now, off)), now)).toBe(present + off)
    for (const off of [-3, -2, 2, 3])
      expect(secrets.stepOf(encrypted, anna, code(authenticator.codeAt(now, off)), now)).toBeUndefined()
  })
})

test('only six digits are a code, wide or not, with spaces anywhere', () => {
  for (const text of [' 123 456\u00a0', '１２３４５６']) expect(parseTotpCode(text)).toBe('123456')
  for (const text of ['', '12345', '1234567', '12345a', '-12345', '1'.repeat(65)])
    expect(parseTotpCode(text)).toBeUndefined()
})

describe('the secret of an authenticator', { tags: ['FACTOR-1'] }, () => {
  test('each secret is different and has 160 bits', async () => {
    const [one, other] = [await secrets.create(anna, 'anna'), await secrets.create(anna, 'anna')]
    expect(fromBase32(one.text)).toHaveLength(20)
    expect(one.text).not.toBe(other.text)
    expect(one.encrypted).not.toContain(one.text)
  })

  test('the URI names service and user, and the QR code is a picture of it', async () => {
    const { text, uri, qr } = await secrets.create(anna, 'ännä/?&')
    const url = new URL(uri)
    expect([url.protocol, url.host]).toEqual(['otpauth:', 'totp'])
    expect(decodeURIComponent(url.pathname)).toBe('/Chat & more:ännä/?&')
    expect(Object.fromEntries(url.searchParams)).toEqual({
      issuer: 'Chat & more',
      secret: text,
      algorithm: 'SHA1',
      digits: '6',
      period: '30',
    })
    const [kind, content = ''] = qr.split(',')
    expect(kind).toBe('data:image/svg+xml;base64')
    expect(Buffer.from(content, 'base64').toString()).toMatch(/^<svg [^]*<\/svg>\s*$/)
  })

  test('long names do not make the QR code grow without limit', async () => {
    const long = new OtpauthTotpSecrets(earlier, '漢'.repeat(10_000))
    const { uri, qr } = await long.create(anna, '漢'.repeat(10_000))
    expect([uri.length < 2_500, qr.length < 60_000]).toEqual([true, true])
  })

  const now = at(0)
  const good = async () => {
    const { encrypted, text } = await secrets.create(anna, 'anna')
    return { encrypted, digits: code(new Authenticator(text).codeAt(now)) }
  }

  test('a secret that is copied to another user is worth nothing', async () => {
    const { encrypted, digits } = await good()
    expect(secrets.stepOf(encrypted, 43 as UserId, digits, now)).toBeUndefined()
  })

  test('a secret of a previous AUTH_SECRET is readable, and is encrypted with the current one', async () => {
    const { encrypted, digits } = await good()
    const after = new OtpauthTotpSecrets(rotated, 'x')
    expect(after.previousKeyIds).toEqual([encrypted.slice(0, 8)])
    expect(after.stepOf(encrypted, anna, digits, now)).toBeDefined()
    const renewed = after.reencrypt(encrypted, anna) ?? encrypted
    const alone = new OtpauthTotpSecrets({ ...rotated, previous: [] }, 'x')
    expect(alone.stepOf(renewed, anna, digits, now)).toBeDefined()
    expect(alone.stepOf(encrypted, anna, digits, now)).toBeUndefined()
    expect(alone.reencrypt(encrypted, anna)).toBeUndefined()
  })

  test('a secret that was changed anywhere is worth nothing', async () => {
    const { encrypted, digits } = await good()
    for (let place = 0; place < encrypted.length; place += 1) {
      const other = encrypted[place] === 'A' ? 'B' : 'A'
      const changed = encrypted.slice(0, place) + other + encrypted.slice(place + 1)
      expect(secrets.stepOf(changed as EncryptedTotpSecret, anna, digits, now)).toBeUndefined()
    }
  })
})

describe('recovery codes', { tags: ['FACTOR-4'] }, () => {
  const codes = new RandomRecoveryCodes()

  test('a set has ten different codes of 120 bits, and no two sets share one', () => {
    const all = [...codes.create(), ...codes.create()]
    expect(new Set(all).size).toBe(20)
    for (const each of all) expect(each).toMatch(/^[0-9A-HJKMNP-TV-Z]{24}$/)
  })

  test('every character of the alphabet is used', () => {
    const used = new Set(
      Array.from({ length: 40 }, () => codes.create())
        .flat()
        .join(''),
    )
    expect(used.size).toBe(32)
  })

  test('a code is shown in groups, and read in any case, grouping and look-alike', () => {
    const [given] = codes.create()
    if (given === undefined) throw new Error('no code')
    const shown = shownRecoveryCode(given)
    expect(shown).toMatch(/^(?:\w{4}-){5}\w{4}$/)
    const typed = [
      shown,
      shown.toLowerCase(),
      shown.replaceAll('-', ' – '),
      given,
      `\n${shown.replaceAll('0', 'O').replaceAll('1', 'l')}\t`,
      shown.replaceAll('0', 'o').replaceAll('1', 'I'),
    ]
    for (const each of typed) expect(parseRecoveryCode(each)).toBe(given)
  })

  test('another text is not a recovery code', () => {
    for (const text of [
      '',
      '1'.repeat(23),
      '1'.repeat(25),
      `${'1'.repeat(23)}U`,
      `${'1'.repeat(23)}é`,
      ' '.repeat(99),
    ])
      expect(parseRecoveryCode(text)).toBeUndefined()
  })
})
