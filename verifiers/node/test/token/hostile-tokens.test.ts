import { createPublicKey } from 'node:crypto'
import { beforeAll, describe, expect, test } from 'vitest'
import { createVerificationKey, type VerificationKey } from '../../src/token/signatures.ts'
import { TokenChecks } from '../../src/token/token-checks.ts'
import { TokenRefused } from '../../src/token/token-refused.ts'
import type { RefusalCode } from '../../src/token-types.ts'
import {
  audience,
  claimsAt,
  encode,
  headerOf,
  issuer,
  makeKey,
  signatureOf,
  signToken,
  signWithSecret,
  type SigningKey,
} from '../support/tokens.ts'

const [ed, es, rs] = [makeKey('ed'), makeKey('es', 'ES256'), makeKey('rs', 'RS256')]
const published = new Map<string, VerificationKey>(
  [ed, es, rs].map(({ kid, algorithm, publicKey }) => [
    kid,
    createVerificationKey(kid, algorithm, publicKey),
  ]),
)
const claims = claimsAt(Date.UTC(2026, 10, 23))

const startChecks = () =>
  new TokenChecks(
    {
      algorithms: new Set(['EdDSA', 'ES256', 'RS256']),
      size: published.size,
      find: (kid) => published.get(kid),
      refresh: () => Promise.resolve(true),
      close: () => undefined,
    },
    { issuer, audience },
    100,
  )
let checks: TokenChecks
beforeAll(() => {
  checks = startChecks()
})

/** `no key` when the token is well formed and names a key nobody has. */
function verdictOn(token: unknown): RefusalCode | 'good' | 'no key' {
  try {
    return checks.check(token) === undefined ? 'no key' : 'good'
  } catch (error) {
    if (error instanceof TokenRefused) return error.code
    throw error
  }
}

const withHeader = (more: Record<string, unknown>, key: SigningKey = ed): string =>
  signToken(key, claims, { ...headerOf(key), ...more })
const withClaims = (more: Record<string, unknown>): string => signToken(ed, { ...claims, ...more })

test('the good tokens of these tests are accepted, or the others would prove nothing', () => {
  for (const key of [ed, es, rs]) expect(verdictOn(signToken(key, claims))).toBe('good')
})

describe('the algorithm', () => {
  test.each(['none', 'None', 'NONE', 'nOnE', ' none', 'none ', ''])(
    'a token with the algorithm "%s" is refused',
    (alg) => {
      const signed = `${encode({ ...headerOf(ed), alg })}.${encode(claims)}`
      expect(verdictOn(`${signed}.`)).toBe('malformed_token')
      expect(verdictOn(`${signed}.AAAA`)).toBe('wrong_algorithm')
      expect(verdictOn(`${signed}.${signatureOf(ed, signed).toString('base64url')}`)).toBe('wrong_algorithm')
    },
  )

  test.each([
    'HS256',
    'HS384',
    'HS512',
    'ES384',
    'PS256',
    'RS512',
    'Ed25519',
    'eddsa',
    'EDDSA',
    'constructor',
    '__proto__',
  ])('a token with the algorithm %s is refused', (alg) =>
    expect(verdictOn(withHeader({ alg }))).toBe('wrong_algorithm'),
  )

  test.each([undefined, null, 1, [], ['EdDSA'], {}])('a token with the algorithm %j is refused', (alg) => {
    expect(verdictOn(withHeader({ alg }))).toBe('malformed_token')
  })

  test.each([ed, es, rs])('a public $algorithm key is not accepted as an HMAC secret', (key) => {
    const spki = createPublicKey(key.privateKey)
    const pem = spki.export({ type: 'spki', format: 'pem' }).toString()
    const secrets = [
      pem,
      pem.trimEnd(),
      ` ${pem}`,
      `\n\t${pem}`,
      spki.export({ type: 'spki', format: 'der' }),
      JSON.stringify(key.jwk),
    ]
    for (const secret of secrets) {
      const header = { ...headerOf(key), alg: 'HS256' }
      expect(verdictOn(signWithSecret(secret, claims, header))).toBe('wrong_algorithm')
      expect(verdictOn(signWithSecret(secret, claims, headerOf(key)))).toBe('bad_signature')
    }
  })

  test('a token with the algorithm of another key is refused', () => {
    expect(verdictOn(signToken(ed, claims, headerOf(es)))).toBe('bad_signature')
    expect(verdictOn(withHeader({ kid: 'es' }))).toBe('wrong_algorithm')
    expect(verdictOn(signToken(es, claims, { ...headerOf(es), kid: 'rs' }))).toBe('wrong_algorithm')
  })
})

describe('the header', () => {
  test.each([
    { jku: 'https://evil.example/jwks.json' },
    { x5u: 'https://evil.example/cert.pem' },
    { x5c: ['MIIB'] },
    { jwk: ed.jwk },
    { crit: [] },
    { crit: ['exp'] },
    { crit: ['b64'], b64: false },
    { b64: true },
    { zip: 'DEF' },
    { enc: 'A256GCM' },
    { crit: null },
  ])('a token header with %j is refused', (more) =>
    expect(verdictOn(withHeader(more))).toBe('malformed_token'),
  )

  test.each([
    'JWT',
    'at+JWT',
    'AT+JWT',
    'application/at+jwt',
    'rt+jwt',
    'ticket+jwt',
    'secevent+jwt',
    'at+jwt ',
    '',
    null,
    1,
    ['at+jwt'],
    undefined,
  ])('a token header of type %j is refused', (typ) =>
    expect(verdictOn(withHeader({ typ }))).toBe('wrong_type'),
  )

  test.each([undefined, null, 7, ['ed'], {}])('a token header with the kid %j is refused', (kid) => {
    expect(verdictOn(withHeader({ kid }))).toBe('malformed_token')
  })

  test.each(['', 'ED', 'ed ', '__proto__', 'constructor', 'toString', '../ed', 'k'.repeat(1_000)])(
    'the kid "%s" has no key',
    (kid) => {
      expect(verdictOn(withHeader({ kid }))).toBe('no key')
    },
  )

  test.each([
    '[]',
    'null',
    '"at+jwt"',
    '7',
    '',
    ' ',
    '{',
    '[{"alg":"EdDSA"}]',
    '[[{"alg":"EdDSA","kid":"ed","typ":"at+jwt"}]]',
    '{"alg":"EdDSA","kid":"ed","typ":"at+jwt"}x',
    '{"alg":"none","alg":"EdDSA","kid":"ed","typ":"at+jwt"}',
    '{"alg":"EdDSA","kid":"ed","typ":"at+jwt","kid":"ed"}',
    '{"alg":"EdDSA","\\u006bid":"es","kid":"ed","typ":"at+jwt"}',
    '\uFEFF{"alg":"EdDSA","kid":"ed","typ":"at+jwt"}',
    '{"__proto__":{"alg":"EdDSA","kid":"ed","typ":"at+jwt"}}',
    "{'alg':'EdDSA','kid':'ed','typ':'at+jwt'}",
  ])('a token with the header %s is refused', (header) => {
    expect(verdictOn(signToken(ed, claims, header))).toBe('malformed_token')
  })

  test('a header that is not UTF-8 is refused', () => {
    const header = Buffer.from('{"alg":"EdDSA","kid":"ed","typ":"at+jwt","x":"?"}')
    header[header.indexOf('?')] = 0xff
    const signed = `${header.toString('base64url')}.${encode(claims)}`
    expect(verdictOn(`${signed}.${signatureOf(ed, signed).toString('base64url')}`)).toBe('malformed_token')
  })

  test('a header is cached only from genuine tokens, and with its own key', () => {
    const fresh = startChecks()
    const good = signToken(ed, claims)
    const [header, payload] = good.split('.') as [string, string]
    const forged = `${header}.${payload}.${Buffer.alloc(64).toString('base64url')}`
    for (let round = 0; round < 3; round += 1) {
      expect(() => fresh.check(forged)).toThrow(TokenRefused)
      expect(fresh.check(good)?.claims).toEqual(claims)
    }
  })
})

describe('the spelling', () => {
  const good = signToken(ed, claims)
  const parts = good.split('.') as [string, string, string]

  test.each([
    undefined,
    null,
    true,
    7,
    7n,
    Symbol('token'),
    {},
    [],
    [good],
    { toString: () => good },
    () => good,
    Buffer.from(good),
    Object(good),
    NaN,
  ])('the spelling %o is refused as a malformed token', (token: unknown) =>
    expect(verdictOn(token)).toBe('malformed_token'),
  )

  test.each([
    '',
    '.',
    '..',
    '...',
    ' ',
    'a',
    'a.b',
    'a.b.',
    '.b.c',
    'a..c',
    `${good}.`,
    `..${good}`,
    `${good}.${parts[2]}`,
    `${good}.a.b`,
    ` ${good}`,
    `${good} `,
    `${good}\n`,
    `Bearer ${good}`,
    `${good}=`,
    `${good}==`,
    `${good}\0`,
    `${parts[0]}=.${parts[1]}.${parts[2]}`,
    `${parts[0]}. ${parts[1]}.${parts[2]}`,
    `${parts[0]}.${parts[1]}=.${parts[2]}`,
    `${parts[0]}\u200b.${parts[1]}.${parts[2]}`,
    `${parts[0]}.${parts[1]}.${parts[2].slice(0, 10)}\n${parts[2].slice(10)}`,
    good.replaceAll('.', '\uff0e'),
    good.replace('.', '%2e'),
    good.repeat(2),
    JSON.stringify({ token: good }),
    '\ud800.\udfff.a',
  ])('the malformed token %j is refused', (token) => {
    expect(verdictOn(token)).toBe('malformed_token')
  })

  test('a signature with stray bits is refused', () => {
    // 64 bytes are 86 characters, the last of which has 4 bits to spare.
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    const last = alphabet.indexOf(good.at(-1) ?? '')
    for (let stray = 1; stray < 16; stray += 1) {
      expect(verdictOn(good.slice(0, -1) + (alphabet[(last & 48) + ((last + stray) & 15)] ?? ''))).toBe(
        'malformed_token',
      )
    }
  })

  test('a token in plain base64 is refused', () => {
    const signature = Buffer.from(parts[2], 'base64url').fill(0xff)
    expect(verdictOn(`${parts[0]}.${parts[1]}.${signature.toString('base64')}`)).toBe('malformed_token')
    expect(verdictOn(`${parts[0]}.${parts[1]}.${signature.toString('base64').replaceAll('=', '')}`)).toBe(
      'malformed_token',
    )
  })

  test('a token with non-ASCII characters that end in the same bytes is refused', () => {
    for (const at of [0, parts[0].length + 3, good.length - 3]) {
      const twin = String.fromCharCode(good.charCodeAt(at) + 0x100)
      expect(verdictOn(good.slice(0, at) + twin + good.slice(at + 1))).toBe('malformed_token')
    }
  })

  test('a token of more than 4096 characters is refused, even if genuine', () => {
    const long = withClaims({ jti: 'j'.repeat(3_500) })
    expect(long.length).toBeGreaterThan(4_096)
    expect(verdictOn(long)).toBe('malformed_token')
    expect(verdictOn(withClaims({ jti: 'j'.repeat(2_500) }))).toBe('good')
    for (const huge of ['a'.repeat(50_000_000), '.'.repeat(50_000_000), `${'['.repeat(1_000_000)}.a.a`]) {
      expect(verdictOn(huge)).toBe('malformed_token')
    }
  })

  test('a JWE is refused', () => {
    const header = encode({ alg: 'dir', enc: 'A256GCM', kid: 'ed', typ: 'at+jwt' })
    expect(verdictOn(`${header}..${encode('iv')}.${encode('text')}.${encode('tag')}`)).toBe('malformed_token')
    expect(verdictOn(`${header}.${encode('key')}.${encode('iv')}.${encode('text')}.${encode('tag')}`)).toBe(
      'malformed_token',
    )
  })
})

describe.each([ed, es])('damage to a token of $algorithm', (key) => {
  const good = signToken(key, claims)

  test('a $algorithm token cut off anywhere is refused', () => {
    for (let length = 0; length < good.length; length += 1)
      expect(verdictOn(good.slice(0, length))).not.toBe('good')
    for (let start = 1; start < good.length; start += 1) expect(verdictOn(good.slice(start))).not.toBe('good')
  })

  test('a $algorithm token with any flipped bit is refused', () => {
    const parts = good.split('.').map((part) => Buffer.from(part, 'base64url'))
    for (const part of parts) {
      for (let bit = 0; bit < part.length * 8; bit += 1) {
        part.writeUInt8(part.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3)
        const verdict = verdictOn(parts.map((bytes) => bytes.toString('base64url')).join('.'))
        part.writeUInt8(part.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3)
        expect(verdict).not.toBe('good')
      }
    }
    expect(verdictOn(parts.map((bytes) => bytes.toString('base64url')).join('.'))).toBe('good')
  })

  test('a $algorithm token with any exchanged character is refused', () => {
    for (let at = 0; at < good.length; at += 1) {
      const other = good[at] === 'A' ? 'B' : 'A'
      expect(verdictOn(good.slice(0, at) + other + good.slice(at + 1))).not.toBe('good')
    }
  })

  test('a $algorithm token with another signature is refused', () => {
    const [header, payload] = good.split('.') as [string, string]
    const size = 64
    const signatures = [
      Buffer.alloc(size),
      Buffer.alloc(size, 0xff),
      Buffer.alloc(size - 1),
      Buffer.alloc(size + 1),
      Buffer.alloc(1),
      // Of ECDSA in DER, as other protocols have it.
      Buffer.from('3006020101020101', 'hex'),
      signatureOf(key, `${header}.${encode({ ...claims, gen: 1 })}`),
    ]
    for (const signature of signatures) {
      expect(verdictOn(`${header}.${payload}.${signature.toString('base64url')}`)).toBe('bad_signature')
    }
  })
})

describe('signed claims', () => {
  test.each([
    '[]',
    'null',
    '7',
    '""',
    '',
    'x',
    '{',
    `[${JSON.stringify(claims)}]`,
    `${JSON.stringify(claims)} x`,
    JSON.stringify(claims).replace('{', '{"sub":"8",'),
    JSON.stringify(claims).replace('}', ',"exp":99999999999}'),
    JSON.stringify(claims).replace('{', '{"s\\u0069d":"",'),
    `${'['.repeat(1_200)}${']'.repeat(1_200)}`,
    `\uFEFF${JSON.stringify(claims)}`,
    JSON.stringify(JSON.stringify(claims)),
  ])('claims that are %s are refused', (payload) => {
    const verdict = verdictOn(signToken(ed, payload))
    expect(verdict).toBe(payload === '' ? 'malformed_token' : 'invalid_claims')
  })

  test('claims that are not UTF-8 are refused', () => {
    const payload = Buffer.from(JSON.stringify(claims).replace('"pwd"', '"p?d"'))
    payload[payload.indexOf('?')] = 0xc0
    const signed = `${encode(headerOf(ed))}.${payload.toString('base64url')}`
    expect(verdictOn(`${signed}.${signatureOf(ed, signed).toString('base64url')}`)).toBe('invalid_claims')
  })

  test('claims inside a __proto__ do not count', () => {
    const { sid, ...rest } = claims
    const payload = JSON.stringify(rest).replace('{', `{"__proto__":{"sid":"${sid}"},`)
    expect(verdictOn(signToken(ed, payload))).toBe('invalid_claims')
    expect(({} as Record<string, unknown>)['sid']).toBeUndefined()
  })

  test.each([
    [
      'iss',
      'wrong_issuer',
      ['', null, undefined, 1, [issuer], `${issuer}/`, issuer.toUpperCase(), ` ${issuer}`, {}],
    ],
    ['aud', 'wrong_audience', ['', null, undefined, 1, [audience], [], {}, `${audience} `]],
    ['sub', 'invalid_claims', ['', null, undefined, 7, '07', '8', '7.0', ' 7', '+7', ['7'], '7e0', '0x7']],
    ['user_id', 'invalid_claims', ['7', null, undefined, 0, -7, 7.5, 8, 2 ** 53, [7], {}, true]],
    ['gen', 'invalid_claims', ['0', null, undefined, -1, 0.5, 2 ** 31, 1e300, [0], true]],
    [
      'exp',
      'invalid_claims',
      ['9999999999', null, undefined, -1, 1e300, 1.5, 8_640_000_000_001, [], {}, true],
    ],
    ['iat', 'invalid_claims', ['1', null, undefined, -1, 1e300, 0.5]],
    ['nbf', 'invalid_claims', ['1', null, -1, 1e300, 0.5, []]],
    ['auth_time', 'invalid_claims', ['1', null, undefined, -1, 1e300]],
    ['jti', 'invalid_claims', [null, 1, [], {}]],
    ['amr', 'invalid_claims', ['pwd', null, undefined, [1], [['pwd']], [null], {}, { length: 0 }]],
    ['roles', 'invalid_claims', ['admin', null, undefined, [1], [[]], {}]],
    [
      'sid',
      'invalid_claims',
      [
        '',
        null,
        undefined,
        1,
        claims.sid.toUpperCase(),
        `${claims.sid} `,
        `{${claims.sid}}`,
        claims.sid.replaceAll('-', ''),
        [claims.sid],
        '__proto__',
        'x'.repeat(36),
      ],
    ],
  ] as const)('claims with another %s are refused as %s', (name, code, values) => {
    for (const value of values)
      expect([value, verdictOn(withClaims({ [name]: value }))]).toEqual([value, code])
  })

  test('a user id that a number cannot hold exactly is refused', () => {
    expect(verdictOn(withClaims({ user_id: 2 ** 53, sub: String(2 ** 53) }))).toBe('invalid_claims')
    expect(verdictOn(withClaims({ user_id: 2 ** 53 - 1, sub: String(2 ** 53 - 1) }))).toBe('good')
  })
})

test('no refusal contains the token', () => {
  const secretish = withHeader({ kid: 'kid-of-an-attacker', crit: [] })
  for (const token of [secretish, withClaims({ jti: null }), `${signToken(ed, claims)}x`]) {
    const error = (() => {
      try {
        checks.check(token)
        return undefined
      } catch (thrown) {
        return thrown as TokenRefused
      }
    })()
    const told = `${String(error?.stack)} ${JSON.stringify(error)} ${String(error?.message)}`
    for (const part of token.split('.')) expect(told).not.toContain(part.slice(0, 20))
    expect(told).not.toContain('kid-of-an-attacker')
  }
})
