import { constants, createHmac, createPublicKey, randomBytes, sign, type KeyObject } from 'node:crypto'
import fc from 'fast-check'
import { CompactEncrypt, CompactSign, createLocalJWKSet, jwtVerify, type JWTVerifyOptions } from 'jose'
import { describe, expect, test } from 'vitest'
import type { Session } from '../../../src/domain/session.ts'
import { scheduleKey, SIGNING_ALGORITHMS, type SigningAlgorithm } from '../../../src/domain/signing-key.ts'
import type { UserId } from '../../../src/domain/user.ts'
import { HmacRefreshTokens } from '../../../src/infrastructure/crypto/hmac-refresh-tokens.ts'
import { JwtAccessTokens } from '../../../src/infrastructure/crypto/jwt-access-tokens.ts'
import {
  AsymmetricKeyRing,
  SharedSecretKeys,
  type TokenKeys,
} from '../../../src/infrastructure/crypto/key-ring.ts'
import { EncryptingKeyMaker } from '../../../src/infrastructure/crypto/encrypting-key-maker.ts'
import type { TokenAlgorithm } from '../../../src/infrastructure/crypto/signatures.ts'
import { FakeReceiptProofs } from '../../fakes/fake-receipt-proofs.ts'
import { aSession, at, noon, sessionId } from '../../support/builders.ts'

const secrets = { current: 'an old secret of the tests, long enough', previous: [] }
const sharedSecret = 'a shared secret of the tests, long enough'
const settings = { issuer: 'https://auth.example.org', audience: 'chat', ttlSeconds: 600 }
const receiptProofs = new FakeReceiptProofs()

type Claims = Record<string, unknown>

/** Tokens of one algorithm, and their key, so that another implementation can sign forgeries. */
interface Kit {
  readonly algorithm: TokenAlgorithm
  readonly keys: TokenKeys
  readonly tokens: JwtAccessTokens
  readonly signingKey: KeyObject
  readonly kid: string
}

async function pairKit(algorithm: SigningAlgorithm): Promise<Kit> {
  const keyMaker = new EncryptingKeyMaker(secrets)
  const keys = new AsymmetricKeyRing(keyMaker, algorithm)
  keys.load([scheduleKey(await keyMaker.generate(algorithm), noon)])
  return kitOf(algorithm, keys)
}

function kitOf(algorithm: TokenAlgorithm, keys: TokenKeys): Kit {
  const key = keys.signingKey(noon)
  if (key === undefined) throw new Error('there is no signing key')
  const { kid } = JSON.parse(Buffer.from(key.encodedHeader, 'base64url').toString()) as { kid: string }
  return {
    algorithm,
    keys,
    tokens: new JwtAccessTokens(keys, receiptProofs, settings),
    signingKey: key.key,
    kid,
  }
}

const pairKits = await Promise.all(SIGNING_ALGORITHMS.map(pairKit))
const [eddsa, , rs256] = pairKits as [Kit, Kit, Kit]
const hs256 = kitOf('HS256', new SharedSecretKeys(sharedSecret))
const kits = [...pairKits, hs256]

const session = aSession({ generation: 3, amr: ['pwd', 'otp'], roles: ['admin'], authTime: at(-100) })
const issued = ({ tokens }: Kit, of: Session = session, now = noon): string => tokens.issue(of, now).token

/** A token with any payload and header, signed by jose with the key of the kit. */
const signed = (
  { algorithm, signingKey, kid }: Kit,
  payload: Claims | string,
  header: Claims = {},
): Promise<string> =>
  new CompactSign(Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload)))
    .setProtectedHeader({ alg: algorithm, typ: 'at+jwt', kid, ...header })
    .sign(signingKey)

const decoded = (token: string, part: number): Claims =>
  JSON.parse(Buffer.from(token.split('.')[part] ?? '', 'base64url').toString()) as Claims
const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const goodClaims: Claims = decoded(issued(eddsa), 1)

/** Verifies a token as another service does that has fetched our keys, or has the shared secret. */
function joseVerify({ algorithm, keys }: Kit, token: string, options: JWTVerifyOptions = {}) {
  const strict = {
    algorithms: [algorithm],
    issuer: settings.issuer,
    audience: 'chat',
    typ: 'at+jwt',
    currentDate: noon,
  }
  const all: JWTVerifyOptions = { ...strict, ...options }
  if (algorithm === 'HS256') return jwtVerify(token, new TextEncoder().encode(sharedSecret), all)
  return jwtVerify(token, createLocalJWKSet({ keys: keys.jwks(noon).keys.map((key) => ({ ...key })) }), all)
}

describe.each(kits)('an access token signed with $algorithm', (kit) => {
  const { algorithm, tokens, kid } = kit
  const token = issued(kit)
  const [header, payload, signature] = token.split('.') as [string, string, string]
  const expectRefused = (text: string, now = noon): void => {
    expect(tokens.verify(text, now), text.slice(0, 2_000)).toBeUndefined()
  }

  test(`another implementation accepts an ${algorithm} token with exactly the promised claims`, async () => {
    const { payload: claims, protectedHeader } = await joseVerify(kit, token)
    expect(protectedHeader).toEqual({ alg: algorithm, typ: 'at+jwt', kid })
    expect(claims).toEqual({
      iss: 'https://auth.example.org',
      aud: 'chat',
      sub: '42',
      user_id: 42,
      sid: sessionId(1),
      gen: 3,
      jti: expect.stringMatching(/^[\da-f-]{36}$/) as string,
      // 30 s back with HS256: PyJWT refuses a token whose `iat` is ahead of its own clock.
      iat: +noon / 1000 - (algorithm === 'HS256' ? 30 : 0),
      exp: +noon / 1000 + 600,
      auth_time: +noon / 1000 - 100,
      amr: ['pwd', 'otp'],
      roles: ['admin'],
      rcp: `seen ${sessionId(1)} 3`,
    })
  })

  test(`another implementation refuses an ${algorithm} token for a wrong issuer, audience or time`, async () => {
    const wrong = [
      { issuer: 'https://evil.example' },
      { audience: 'mail' },
      { typ: 'jwt' },
      { currentDate: at(600) },
    ]
    for (const options of wrong) await expect(joseVerify(kit, token, options)).rejects.toThrow()
  })

  test(`an ${algorithm} token is accepted and returns its user and session`, () => {
    expect(tokens.verify(token, noon)).toEqual({
      userId: 42,
      sessionId: sessionId(1),
      generation: 3,
      roles: ['admin'],
      issuedAt: algorithm === 'HS256' ? at(-30) : noon,
      expiresAt: at(600),
    })
  })

  test(`an ${algorithm} token with the same content signed by another implementation is accepted`, async () => {
    const theirs = await signed(kit, decoded(token, 1))
    expect(theirs.split('.')[0]).toBe(header)
    expect(tokens.verify(theirs, noon)).toEqual(tokens.verify(token, noon))
  })

  test(`an ${algorithm} token can have the largest user id`, async () => {
    const userId = (2 ** 53 - 1) as UserId
    const large = issued(kit, aSession({ userId }))
    expect(tokens.verify(large, noon)?.userId).toBe(userId)
    expect((await joseVerify(kit, large)).payload).toMatchObject({ sub: '9007199254740991', user_id: userId })
  })

  test(`an ${algorithm} token is valid until the second it expires`, { tags: ['TOKEN-8'] }, () => {
    expect(tokens.verify(token, at(599.999))).toBeDefined()
    expectRefused(token, at(600))
    expectRefused(token, at(10_000))
  })

  test(
    `an ${algorithm} token with any bit of header, payload or signature flipped is refused`,
    { tags: ['TOKEN-4'] },
    () => {
      const parts = token.split('.')
      parts.forEach((part, index) => {
        const bytes = Buffer.from(part, 'base64url')
        for (let bit = 0; bit < bytes.length * 8; bit += 1) {
          const flipped = Buffer.from(bytes)
          flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
          expectRefused(parts.with(index, flipped.toString('base64url')).join('.'))
        }
      })
    },
  )

  test(
    `an ${algorithm} token in another base64 spelling of the same bytes is refused`,
    { tags: ['TOKEN-4'] },
    () => {
      for (const [index, part] of token.split('.').entries()) {
        const respelled = [
          `${part}=`,
          `${part}==`,
          ` ${part}`,
          `${part} `,
          `${part}\n`,
          `${part}A`,
          `${part}%`,
          `${part}\0`,
        ]
        const strays = Array.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/').map(
          (last) => part.slice(0, -1) + last,
        )
        const inside = [' ', '\n', '=', '%', 'é'].map((more) => part.slice(0, 5) + more + part.slice(5))
        const middle = [
          Buffer.from(part, 'base64url').toString('base64'),
          `${part.slice(0, 4)}.${part.slice(4)}`,
        ]
        for (const text of [...respelled, ...strays, ...inside, ...middle]) {
          if (text !== part) expectRefused(token.split('.').with(index, text).join('.'))
        }
      }
    },
  )

  test(`an ${algorithm} token that is cut short or has extra text is refused`, () => {
    for (let length = 0; length < token.length; length += 1) {
      expectRefused(token.slice(0, length))
      expectRefused(token.slice(token.length - length))
    }
    const insertion = fc.tuple(
      fc.nat(token.length),
      fc.oneof(fc.string({ minLength: 1 }), fc.constantFrom('.', '=', 'A')),
    )
    fc.assert(
      fc.property(insertion, ([index, more]) =>
        expectRefused(token.slice(0, index) + more + token.slice(index)),
      ),
    )
  })

  test(`an ${algorithm} token without exactly three non-empty parts is refused`, () => {
    const shapes = [
      `${header}..${signature}`,
      `${header}.${payload}.`,
      `.${payload}.${signature}`,
      `${header}.${payload}`,
    ]
    shapes.push(
      `${token}.`,
      `.${token}`,
      `${token}.${signature}`,
      `${token}...`,
      header,
      '',
      '.',
      '..',
      '....',
    )
    for (const shape of shapes) expectRefused(shape)
  })

  test(`an ${algorithm} token with the signature of another token is refused`, () => {
    const [, otherPayload, otherSignature] = issued(kit, aSession({ userId: 7 as UserId })).split('.') as [
      string,
      string,
      string,
    ]
    expectRefused(`${header}.${payload}.${otherSignature}`)
    expectRefused(`${header}.${otherPayload}.${signature}`)
  })

  test(`an ${algorithm} token with a signature of the wrong length is refused`, () => {
    for (const length of [1, 31, 33, 63, 65, 72, 255, 257, 1000]) {
      expectRefused(`${header}.${payload}.${Buffer.alloc(length, 1).toString('base64url')}`)
    }
    const zeros = Buffer.alloc(Buffer.from(signature, 'base64url').length).toString('base64url')
    expectRefused(`${header}.${payload}.${zeros}`)
  })

  test.each(['none', 'None', 'NONE', 'nOnE', '', ' none', 'none\0'])(
    `an unsigned token is refused by an instance with ${algorithm}: alg %j`,
    { tags: ['TOKEN-2'] },
    (alg) => {
      for (const unsigned of [{ alg, typ: 'at+jwt', kid }, { alg, typ: 'at+jwt' }, { alg }]) {
        expectRefused(`${encoded(unsigned)}.${payload}.`)
        expectRefused(`${encoded(unsigned)}.${payload}.AA`)
        expectRefused(`${encoded(unsigned)}.${payload}.${signature}`)
      }
    },
  )

  test.each<Claims>([
    { jku: 'https://evil.example/jwks.json' },
    { x5u: 'https://evil.example/chain.pem' },
    { x5c: ['MIIB'] },
    { jwk: { kty: 'oct', k: 'AAAA' } },
    { crit: ['b64'], b64: true },
    { cty: 'JWT' },
    { typ: 'JWT' },
    { typ: 'at+JWT' },
    { typ: 'application/at+jwt' },
    { typ: undefined },
    { kid: 'another' },
    { kid: '' },
    { kid: '../../dev/null' },
    { kid: "' or 1=1 --" },
    { kid: undefined },
    { nonce: 'x' },
  ])(
    `an ${algorithm} token with a valid signature over a header with %j is refused`,
    { tags: ['TOKEN-2'] },
    async (header) => {
      expectRefused(await signed(kit, goodClaims, header))
    },
  )

  test(
    `an ${algorithm} token with a critical extension in its header is refused`,
    { tags: ['TOKEN-2'] },
    () => {
      const wild = { alg: algorithm, typ: 'at+jwt', kid, crit: ['exp'], exp: 1 }
      expectRefused(`${encoded(wild)}.${payload}.${signature}`)
    },
  )

  test(`an ${algorithm} token signed by another key with the same kid is refused`, async () => {
    const other =
      algorithm === 'HS256' ? kitOf('HS256', new SharedSecretKeys('x'.repeat(40))) : await pairKit(algorithm)
    const forged = await signed({ ...other, kid }, goodClaims)
    expect(forged.split('.')[0]).toBe(header)
    expectRefused(forged)
    expectRefused(issued(other))
  })

  test(
    `an ${algorithm} token is refused by instances that use another algorithm`,
    { tags: ['TOKEN-1'] },
    () => {
      for (const other of kits.filter((one) => one !== kit)) {
        expect(other.tokens.verify(token, noon)).toBeUndefined()
        const relabelled = encoded({ alg: other.algorithm, typ: 'at+jwt', kid: other.kid })
        expect(other.tokens.verify(`${relabelled}.${payload}.${signature}`, noon)).toBeUndefined()
      }
    },
  )

  test(`an encrypted token is refused by an instance with ${algorithm}`, { tags: ['TOKEN-2'] }, async () => {
    const header = { alg: 'dir', enc: 'A256GCM', typ: 'at+jwt', kid }
    const jwe = await new CompactEncrypt(Buffer.from(JSON.stringify(goodClaims)))
      .setProtectedHeader(header)
      .encrypt(Buffer.from(sharedSecret).subarray(0, 32))
    expectRefused(jwe)
  })

  test(
    `a refresh token or a ticket is never accepted as an ${algorithm} token, nor the reverse`,
    { tags: ['TOKEN-6'] },
    () => {
      const refreshTokens = new HmacRefreshTokens(secrets)
      expectRefused(refreshTokens.issue({ userId: 42 as UserId, sessionId: sessionId(1), generation: 3 }))
      expectRefused(randomBytes(32).toString('base64url'))
      expectRefused(`Bearer ${token}`)
      for (const text of [token, header, payload, signature])
        expect(refreshTokens.verify(text)).toBeUndefined()
    },
  )

  test(
    `an ${algorithm} token of more than 4096 characters is refused, even if signed`,
    { tags: ['TOKEN-5'] },
    async () => {
      const padded = (length: number) => signed(kit, { ...goodClaims, pad: 'x'.repeat(length) })
      const payloadLimit = 4096 - `${header}..${signature}`.length
      const longest = Math.floor((payloadLimit * 3) / 4) - JSON.stringify({ ...goodClaims, pad: '' }).length
      const [fits, over] = [await padded(longest), await padded(longest + 1)]
      // Base64url has no length of 4n + 1, so the limit itself cannot always be met.
      expect(fits.length).toBe(payloadLimit % 4 === 1 ? 4095 : 4096)
      expect(tokens.verify(fits, noon)).toBeDefined()
      expect(over.length).toBeGreaterThan(4096)
      expectRefused(over)
      expectRefused('A'.repeat(20_000_000))
      expectRefused(`${token}.`.repeat(10_000))
    },
  )

  test.each<[string, unknown[]]>([
    [
      'iss',
      [
        undefined,
        null,
        '',
        'https://auth.example.org/',
        'https://AUTH.example.org',
        'https://evil.example',
        ['https://auth.example.org'],
        1,
      ],
    ],
    ['aud', [undefined, null, '', 'Chat', 'chat ', 'mail', ['chat'], ['chat', 'mail'], { 0: 'chat' }]],
    [
      'exp',
      [
        undefined,
        null,
        '',
        String(+noon / 1000 + 600),
        +noon / 1000,
        +noon / 1000 - 1,
        0,
        -1,
        [],
        {},
        true,
        1e300,
      ],
    ],
    [
      'sub',
      [undefined, null, '', 42, '0', '-1', '042', ' 42', '4.2e1', '9007199254740993', ['42'], {}, true, 'me'],
    ],
    [
      'sid',
      [
        undefined,
        null,
        '',
        1,
        'x',
        sessionId(1).toUpperCase() + ' ',
        sessionId(10).toUpperCase(),
        [sessionId(1)],
        {},
        true,
      ],
    ],
    ['gen', [undefined, null, '', '3', -1, 1.5, 2 ** 31, 1e300, [3], {}, true]],
  ])(
    `an ${algorithm} token with a valid signature and a bad or missing %s is refused`,
    { tags: ['TOKEN-6'] },
    async (claim, values) => {
      expect(tokens.verify(await signed(kit, goodClaims), noon)).toBeDefined()
      for (const value of values) expectRefused(await signed(kit, { ...goodClaims, [claim]: value }))
    },
  )

  test.each([
    'null',
    '[]',
    '"text"',
    '1',
    'true',
    '{}',
    '{',
    'no JSON',
    '\ud83d',
    '{"__proto__":{}}',
    '\0',
    ' ',
  ])(`an ${algorithm} token with a valid signature over %j is refused`, async (payload) => {
    expectRefused(await signed(kit, payload))
  })

  test(`an ${algorithm} token with an infinite exp is refused`, async () => {
    const claims = JSON.stringify({ ...goodClaims, exp: 0 })
    expectRefused(await signed(kit, claims.replace('"exp":0', '"exp":1e999')))
  })

  test(`the claim __proto__ of an ${algorithm} token is ignored`, async () => {
    const rest = JSON.stringify({ ...goodClaims, gen: undefined })
    expectRefused(await signed(kit, rest.replace('{', '{"__proto__":{"gen":3},')))
  })

  test(`any other string is refused as an ${algorithm} token`, () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.string({ unit: 'binary' })), (text) => expectRefused(text)),
    )
    const part = fc.base64String({ minLength: 1 }).map((text) => text.replace(/[+/=]/g, '_'))
    fc.assert(
      fc.property(part, part, part, (...parts) => {
        expectRefused(parts.join('.'))
        expectRefused([header, ...parts.slice(1)].join('.'))
        expectRefused([header, payload, parts[2]].join('.'))
      }),
    )
  })
})

describe('an access token', () => {
  test('every access token has its own jti', { tags: ['ACCOUNT-5'] }, () => {
    const identifiers = Array.from({ length: 500 }, () => decoded(issued(hs256), 1)['jti'])
    expect(new Set(identifiers).size).toBe(500)
  })

  test.each([
    ['idle', { idleExpiresAt: at(60) }],
    ['absolute', { expiresAt: at(60) }],
  ])('an access token expires no later than the %s limit of its session', (_, limit) => {
    const { token, expiresAt } = eddsa.tokens.issue(aSession(limit), noon)
    expect(expiresAt).toEqual(at(60))
    expect(decoded(token, 1)['exp']).toBe(+at(60) / 1000)
    expect(eddsa.tokens.verify(token, at(59.999))).toBeDefined()
    expect(eddsa.tokens.verify(token, at(60))).toBeUndefined()
  })

  test('an access token lives as long as configured if its session lasts longer', () => {
    expect(eddsa.tokens.issue(session, noon).expiresAt).toEqual(at(600))
  })

  test('the times in an access token are whole seconds, rounded down', () => {
    const claims = decoded(issued(eddsa, aSession({ authTime: at(-99.5), expiresAt: at(60.9) }), at(0.9)), 1)
    expect(claims).toMatchObject({ iat: +noon / 1000, exp: +at(60) / 1000, auth_time: +at(-100) / 1000 })
  })

  test('without a configured audience, tokens have no aud and a token with one is refused', async () => {
    const open = new JwtAccessTokens(eddsa.keys, receiptProofs, { ...settings, audience: undefined })
    const { token } = open.issue(session, noon)
    expect(decoded(token, 1)).not.toHaveProperty('aud')
    expect(open.verify(token, noon)).toBeDefined()
    expect(eddsa.tokens.verify(token, noon)).toBeUndefined()
    for (const aud of ['chat', '', null, []]) {
      expect(open.verify(await signed(eddsa, { ...goodClaims, aud }), noon)).toBeUndefined()
    }
  })

  test('issuing an access token fails as unavailable while no key may sign', () => {
    const tokens = new JwtAccessTokens(
      new AsymmetricKeyRing(new EncryptingKeyMaker(secrets), 'EdDSA'),
      receiptProofs,
      settings,
    )
    expect(() => tokens.issue(session, noon)).toThrow(
      expect.objectContaining({
        code: 'unavailable',
        message: expect.stringContaining('no key to sign tokens with') as string,
      }),
    )
  })

  test('an access token is refused once its key is no longer published', () => {
    const lasting = new JwtAccessTokens(eddsa.keys, receiptProofs, { ...settings, ttlSeconds: 1e9 })
    const { token } = lasting.issue(aSession({ idleExpiresAt: at(1e9), expiresAt: at(1e9) }), noon)
    const end = 31 * 86_400 + 600
    expect(lasting.verify(token, at(end - 0.001))).toBeDefined()
    expect(lasting.verify(token, at(end))).toBeUndefined()
  })
})

describe.each(pairKits)('the public key of $algorithm', ({ algorithm, keys, kid, tokens, signingKey }) => {
  const publicKey = createPublicKey(signingKey)
  const [jwk] = keys.jwks(noon).keys
  const spellings = [
    publicKey.export({ format: 'pem', type: 'spki' }) as string,
    publicKey.export({ format: 'der', type: 'spki' }).toString('latin1'),
    JSON.stringify(jwk),
    jwk?.['x'] ?? jwk?.['n'] ?? '',
    Buffer.from(jwk?.['x'] ?? jwk?.['n'] ?? '', 'base64url').toString('latin1'),
    '',
  ]
  const hmacKeys = spellings.flatMap((text) => [
    text,
    text.trim(),
    ` ${text}`,
    `\n${text}`,
    `\t\r\n ${text}`,
    `${text}\n`,
  ])

  test.each(['HS256', 'hs256', 'HS512', algorithm])(
    `the public key of ${algorithm} is never used as an HMAC secret, with alg %s in the header`,
    { tags: ['TOKEN-3'] },
    (alg) => {
      const signingInput = `${encoded({ alg, typ: 'at+jwt', kid })}.${encoded(goodClaims)}`
      for (const hmacKey of hmacKeys) {
        const hash = alg === 'HS512' ? 'sha512' : 'sha256'
        const mac = createHmac(hash, Buffer.from(hmacKey, 'latin1')).update(signingInput).digest('base64url')
        expect(tokens.verify(`${signingInput}.${mac}`, noon)).toBeUndefined()
      }
    },
  )

  test(
    `the header of a token cannot choose another algorithm for the public key of ${algorithm}`,
    { tags: ['TOKEN-1'] },
    () => {
      for (const alg of ['PS256', 'RS512', 'ES384', 'Ed25519', 'RS1', 'ES256K'].filter(
        (name) => name !== algorithm,
      )) {
        const [, payload, signature] = issued({ tokens } as Kit).split('.') as [string, string, string]
        expect(
          tokens.verify(`${encoded({ alg, typ: 'at+jwt', kid })}.${payload}.${signature}`, noon),
        ).toBeUndefined()
      }
    },
  )
})

test.each([
  ['RS256', 'sha256', constants.RSA_PKCS1_PSS_PADDING],
  ['PS256', 'sha256', constants.RSA_PKCS1_PSS_PADDING],
  ['RS512', 'sha512', constants.RSA_PKCS1_PADDING],
])(
  'an RS256 key accepts no valid signature by another algorithm, with alg %s in the header',
  { tags: ['TOKEN-1'] },
  (alg, hash, padding) => {
    const saltLength = constants.RSA_PSS_SALTLEN_DIGEST
    const signingInput = `${encoded({ alg, typ: 'at+jwt', kid: rs256.kid })}.${encoded(goodClaims)}`
    const signature = sign(hash, Buffer.from(signingInput), { key: rs256.signingKey, padding, saltLength })
    expect(rs256.tokens.verify(`${signingInput}.${signature.toString('base64url')}`, noon)).toBeUndefined()
  },
)
