import { describe, expect, test } from 'vitest'
import { passlibPbkdf2Sha256 } from '../../../src/infrastructure/crypto/foreign-password-hashes.ts'

/** Made and verified by passlib 1.7.4 (`passlib.hash.pbkdf2_sha256`). */
const madeByPasslib: readonly (readonly [password: string, hash: string])[] = [
  [
    'correct horse battery staple',
    '$pbkdf2-sha256$29000$e.99r5VS6p3zfo9RKqX0ng$ixRL/Q.IVBvKOdDwmQCR7tyV6LFZO0I9uWWqias.8oA',
  ],
  [
    'Grüße aus Köln',
    '$pbkdf2-sha256$29000$WkuJcS7FWGvN.X/PGSNE6A$Y8eJK/RvVinXDMAyFrKrEhGY.Oj3RTF0ow9zCgbsX7I',
  ],
  ['u\u0308ber', '$pbkdf2-sha256$29000$JCQkZMxZa01pLUUIwZgzxg$Ywy.HQrE3dPyDCZeytMAQxMoMmmUd/4sgXmccV4lg5I'],
  ['пароль', '$pbkdf2-sha256$29000$y1lrLcW4934vxThnjNE6Jw$.0puq2DFMzXpudipruhAlTFk.A06eWsqOGnTzwgr2bw'],
  ['日本語', '$pbkdf2-sha256$29000$fS9F6N3b.x.DsBZCKGWMcQ$6EHYa0THkHcBtShpgqtfW9lvgsRLEj1ngnC3hOqZ1JQ'],
  ['🐢🦊 emoji', '$pbkdf2-sha256$29000$8r7XWuudkzImhBBCqHUOIQ$PdnnihZtIZCaf3DVmYRUEHfvorH2CjaAoxZ.15wraz0'],
  [
    '👨\u200d👩\u200d👧',
    '$pbkdf2-sha256$29000$mBNC6D3n3HtvbY2xNgaAEA$vGAnbS/eh8VFLsaQQICQrX/ziLGdkVMg3sKC1RRRf18',
  ],
  ['', '$pbkdf2-sha256$29000$A6D0njPG2BvD.H.vldJaaw$SraoefShFxJ6JaI/4O0JRJTYz9FQ.KIvNtcS5EcXMbY'],
  [
    ' spaces around ',
    '$pbkdf2-sha256$29000$Qiil1Lq3lvLeW.vd2zunFA$nKJJbEgTEflyqbS1C.vQynYFUzs1GuE3IX81KrOXaQw',
  ],
  [
    'tab\there\nand a line',
    '$pbkdf2-sha256$29000$W2ttTQlBiLF2bu19b.19Dw$7KHVN9OTBVpL25z5hVDukvf.DGm/3JAWnPjqnNYW4XY',
  ],
  [
    'x'.repeat(200),
    '$pbkdf2-sha256$29000$XEspJeQcwxij9H5PCcFYSw$0dmSiFqLLpyNEu4wkqFKM9zz3knMM3ofuAJEpPTSTjo',
  ],
  ['salt of 0 bytes', '$pbkdf2-sha256$29000$$9nUUQYn8P.zNJYWY0ijCGWpA0n7zl8HvJ5FeIWDu5I4'],
  ['salt of 1 bytes', '$pbkdf2-sha256$29000$AQ$UJGKWjtndwS8YTxMfZeLSxSFxe1eUyw9gunxyzNsp0w'],
  ['salt of 2 bytes', '$pbkdf2-sha256$29000$Aic$Eis08OMMrAAATY1tuh2JZzZlJiHgstvMBcNtDJxXSoI'],
  ['salt of 3 bytes', '$pbkdf2-sha256$29000$AyhN$zWH5QRT8cdnRfRF9/x5u9FquSDQQ/Gc.YSnDsz3VIKA'],
  [
    'salt of 17 bytes',
    '$pbkdf2-sha256$29000$ETZbgKXK7xQ5XoOozfIXPGE$qZgpLyt5J1wiETaA2RGRBwqcDF.5anSnXLFsNN6gbgg',
  ],
  [
    'salt of 64 bytes',
    '$pbkdf2-sha256$29000$QGWKr9T5HkNojbLX/CFGa5C12v8kSW6TuN0CJ0xxlrvgBSpPdJm.4wgtUnecweYLMFV6n8TpDjNYfaLH7BE2Ww$Qn.ARUeeVRWPZRz5CXOOPtkA1ciQIwcF59bYTmC1hI4',
  ],
  ['rounds: 1', '$pbkdf2-sha256$1$a03J.V9rDYEQ4lzLmRMCQA$XJB.PyoSC5qZPX7X5Z/OYQTjDc9OLDEXYnPcmseGdHg'],
  ['rounds: 1000', '$pbkdf2-sha256$1000$8r63thaiVCpFKEUohRCCMA$b8GXb4L862JUSC/arQFQgovsrdneYzxGUDRbcNUkcpI'],
]

/** passlib's hash of U+FFFD, which Node writes as UTF-8 in place of a lone surrogate. */
const hashOfReplacementCharacter =
  '$pbkdf2-sha256$1000$M.Zc6/2fU6r1/p.TMoYwpg$bMWdFkvCBFSEXmEV7rs2Z1IA6P30UC1lbACofgpBlm0'

const [password, hash] = madeByPasslib[0] ?? ['', '']
const { recognises, verify, dummy } = passlibPbkdf2Sha256

const saltOf = (bytes: number): string =>
  Buffer.from(Array.from({ length: bytes }, (_, i) => (i * 37) % 256))
    .toString('base64')
    .replaceAll('+', '.')
    .replaceAll('=', '')
const withSalt = (salt: string): string => hash.replace(/\$29000\$[^$]*\$/, `$29000$${salt}$$`)
const withRounds = (rounds: string): string => hash.replace('29000', rounds)

describe('a passlib PBKDF2 hash', () => {
  test.each(madeByPasslib)(
    'a passlib hash is recognised and verifies only its own password: %j',
    async (typed, made) => {
      expect(recognises(made)).toBe(true)
      expect(await verify(typed, made)).toBe(true)
      expect(await verify(`${typed} `, made)).toBe(false)
      expect(await verify(typed.slice(1) || 'not empty', made)).toBe(false)
    },
  )

  test('a passlib hash depends on the Unicode composition of the typed letters', async () => {
    const made = madeByPasslib.find(([typed]) => typed === 'u\u0308ber')?.[1] ?? ''
    expect(await verify('u\u0308ber', made)).toBe(true)
    expect(await verify('u\u0308ber'.normalize('NFC'), made)).toBe(false)
  })

  test('a passlib hash may have the longest salt that passlib makes', async () => {
    const made = `$pbkdf2-sha256$1000$${saltOf(1024)}$Ld3wgkoOmk4/5x7ih7WY4AsGiTLzPF8lQOTeS7BlwGI`
    expect(recognises(made)).toBe(true)
    expect(await verify('the longest salt', made)).toBe(true)
    expect(recognises(withSalt(saltOf(1025)))).toBe(false)
  })

  test('a lone surrogate matches no passlib hash, not even that of its replacement', async () => {
    expect(await verify('\ufffd', hashOfReplacementCharacter)).toBe(true)
    expect(await verify('\ud83d', hashOfReplacementCharacter)).toBe(false)
  })

  test('a passlib hash that is malformed or too expensive is never recognised or matched', async () => {
    const unacceptable = [
      '',
      'plain text',
      hash.slice(0, -1),
      `${hash}A`,
      `${hash}=`,
      `${hash}\n`,
      ` ${hash}`,
      hash.replace('pbkdf2-sha256', 'pbkdf2-sha512'),
      hash.replace('pbkdf2-sha256', 'pbkdf2'),
      hash.replace('.', '+'),
      withSalt('e'),
      withSalt('e.99r5VS6p3zfo9RKqX0nh'),
      withSalt('e.99r5VS6p3zfo9RKqX0n='),
      withRounds('0'),
      withRounds('-1'),
      withRounds('029000'),
      withRounds('29e3'),
      withRounds('1000001'),
      withRounds('99999999999'),
      hash.slice(0, -1) + 'h',
      '$argon2id$v=19$m=19456,t=2,p=1$HdXFTF7D7j9M4YWfbF0bSA$CFNvZVqUsJRQBKaSfJ7ZLPN/wC/Q4MyF5Mxd55+jwHc',
    ]
    expect(unacceptable.filter((text) => recognises(text))).toEqual([])
    const results = await Promise.all(unacceptable.map((text) => verify(password, text)))
    expect(results.every((matches) => !matches)).toBe(true)
  })

  test('a passlib hash of up to a million rounds is recognised', () => {
    expect(recognises(withRounds('1'))).toBe(true)
    expect(recognises(withRounds('1000000'))).toBe(true)
  })

  test('the passlib dummy hash has the rounds and lengths of a usual hash', () => {
    expect(recognises(dummy)).toBe(true)
    expect(dummy).toHaveLength(hash.length)
    expect(dummy.startsWith('$pbkdf2-sha256$29000$')).toBe(true)
  })
})
