import { createPublicKey } from 'node:crypto'
import {
  audience,
  claimsWith,
  encode,
  headerOf,
  hmacToken,
  issuer,
  jwkOf,
  nowSeconds,
  sharedSecret,
  signatureOf,
  tokenOf,
  type Json,
  type Kid,
} from './signing.ts'

interface TokenCase {
  readonly name: string
  /** One of `verifiers`. */
  readonly verifier: string
  readonly token: string
  /** `accepted`, or the code of the refusal. */
  readonly result: string
  /** With `accepted` only: everything that the application gets. */
  readonly claims?: Json
}

const asymmetric: readonly Kid[] = ['ed', 'es', 'rs']
const good = tokenOf('ed')
const [header, payload, signature] = good.split('.') as [string, string, string]
const goodJson = JSON.stringify(claimsWith())

const accepted = (name: string, token: string, verifier = 'keys', given: Json = claimsWith()): TokenCase => {
  const claims = Object.fromEntries(
    Object.entries(given).filter(([name, value]) => value !== undefined && !['rcp', 'nbf'].includes(name)),
  )
  return { name, verifier, token, result: 'accepted', claims }
}
const refused = (result: string, name: string, token: string, verifier = 'keys'): TokenCase => ({
  name,
  verifier,
  token,
  result,
})

const withClaims = (more: Json): string => tokenOf('ed', claimsWith(more))
const withHeader = (more: Json, kid: Kid = 'ed'): string =>
  tokenOf(kid, claimsWith(), { ...headerOf(kid), ...more })
const acceptedWith = (name: string, more: Json): TokenCase =>
  accepted(name, withClaims(more), 'keys', claimsWith(more))

/** A good token of exactly that many characters. */
function tokenOfLength(length: number): { readonly token: string; readonly claims: Json } {
  // A longer `jti` cannot reach every length, because no base64url has a length of 1 more than a multiple of 4.
  for (const cty of ['', 'x', 'xx']) {
    const shortest = tokenOf('ed', claimsWith({ jti: '' }), { ...headerOf('ed'), cty }).length
    const estimate = Math.floor(((length - shortest) * 3) / 4)
    for (const more of [-2, -1, 0, 1, 2]) {
      const claims = claimsWith({ jti: 'j'.repeat(estimate + more) })
      const token = tokenOf('ed', claims, { ...headerOf('ed'), cty })
      if (token.length === length) return { token, claims }
    }
  }
  throw new Error(`No token has ${length} characters.`)
}

/** For the name of a case. */
const textOf = (value: unknown): string => (value === undefined ? 'missing' : JSON.stringify(value))

const withAlgorithm = (alg: unknown): string => withHeader({ alg })

function validTokens(): TokenCase[] {
  const longest = tokenOfLength(4096)
  return [
    ...asymmetric.map((kid) => accepted(`a good token of ${String(headerOf(kid)['alg'])}`, tokenOf(kid))),
    accepted('a good token of HS256', hmacToken(), 'secret'),
    accepted(
      'HS256 with any kid',
      hmacToken(claimsWith(), { alg: 'HS256', typ: 'at+jwt', kid: '' }),
      'secret',
    ),
    accepted(
      'no audience, and none expected',
      withClaims({ aud: undefined }),
      'no audience',
      claimsWith({ aud: undefined }),
    ),
    acceptedWith('neither jti nor rcp', { jti: undefined, rcp: undefined }),
    acceptedWith('no roles and no methods', { roles: [], amr: [] }),
    acceptedWith('generation 0', { gen: 0 }),
    acceptedWith('the highest generation', { gen: 2 ** 31 - 1 }),
    acceptedWith('the highest user id', { user_id: 2 ** 53 - 1, sub: '9007199254740991' }),
    acceptedWith('the lowest times', { iat: 0, auth_time: 0 }),
    acceptedWith('the latest exp', { exp: 8_640_000_000_000 }),
    acceptedWith('issued in the future', { iat: nowSeconds + 3600 }),
    acceptedWith('one second before exp', { exp: nowSeconds + 1 }),
    acceptedWith('at nbf', { nbf: nowSeconds }),
    accepted('unknown claims are ignored', withClaims({ more: { sub: 1 }, cnf: [1] })),
    accepted(
      'a claim named __proto__ is ignored',
      tokenOf('ed', goodJson.replace('{', '{"__proto__":{"roles":["admin"]},')),
    ),
    accepted('unknown members of the header are ignored', withHeader({ cty: 'JWT', 'x5t#S256': 'AA' })),
    accepted('white space in JSON', tokenOf('ed', JSON.stringify(claimsWith(), undefined, 2))),
    accepted('escapes in JSON', tokenOf('ed', goodJson.replace('"sub"', '"s\\u0075b"'))),
    accepted('whole numbers in other spellings', tokenOf('ed', goodJson.replace('"gen":3', '"gen":3.0'))),
    accepted(
      'a time in exponent form',
      tokenOf('ed', goodJson.replace(String(nowSeconds + 540), '1.76986134e9')),
    ),
    accepted(
      'a name repeated in a nested object',
      tokenOf('ed', goodJson.replace('{', '{"act":{"sub":"1","sub":"2"},')),
    ),
    accepted('4096 characters', longest.token, 'keys', longest.claims),
  ]
}

const MALFORMED: readonly [string, string][] = [
  ['empty', ''],
  ['two dots and nothing else', '..'],
  ['one part', header],
  ['two parts', `${header}.${payload}`],
  ['two parts and a dot', `${header}.${payload}.`],
  ['no header', `.${payload}.${signature}`],
  ['no payload', `${header}..${signature}`],
  ['four parts', `${good}.${signature}`],
  ['a dot at the end', `${good}.`],
  ['five parts, as a JWE', `${good}.${payload}.${signature}`],
  ['a space before', ` ${good}`],
  ['a line feed after', `${good}\n`],
  ['white space in the signature', `${header}.${payload}.${signature.slice(0, 9)}\n${signature.slice(9)}`],
  ['white space in the payload', `${header}.${payload.slice(0, 8)} ${payload.slice(8)}.${signature}`],
  ['a scheme before', `Bearer ${good}`],
  ['padding of the signature', `${good}==`],
  ['padding of the header', `${header}=.${payload}.${signature}`],
  ['padding of the payload', `${header}.${payload}=.${signature}`],
  ['the plain base64 alphabet', `${header}.${payload}.${'+/'.repeat(43)}`],
  ['a character that is not ASCII', `${header}.${payload}.${signature.slice(0, -1)}\u0141`],
  ['a full-width dot', good.replaceAll('.', '\uff0e')],
  ['a percent-encoded dot', good.replace('.', '%2e')],
  ['a NUL at the end', `${good}\0`],
  ['unused bits set in the signature', good.slice(0, -1) + nextCharacter(good.at(-1) ?? '')],
  ['a signature whose length is 1 more than a multiple of 4', `${good.slice(0, -1)}AAAA`],
  ['4097 characters', tokenOfLength(4097).token],
]

/** Encodes the same bytes with another value in the unused bits. */
function nextCharacter(character: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  return alphabet[alphabet.indexOf(character) + 1] ?? ''
}

const BAD_HEADERS: readonly [string, string | Buffer][] = [
  ['an empty array', '[]'],
  ['an array with the header', `[${JSON.stringify(headerOf('ed'))}]`],
  ['null', 'null'],
  ['a string', '"at+jwt"'],
  ['a space', ' '],
  ['JSON that ends early', '{'],
  ['text after it', '{"alg":"EdDSA","typ":"at+jwt","kid":"ed"}x'],
  ['single quotes', "{'alg':'EdDSA','typ':'at+jwt','kid':'ed'}"],
  ['a byte order mark', '\uFEFF{"alg":"EdDSA","typ":"at+jwt","kid":"ed"}'],
  ['alg twice', '{"alg":"none","alg":"EdDSA","typ":"at+jwt","kid":"ed"}'],
  ['kid twice', '{"alg":"EdDSA","typ":"at+jwt","kid":"es","kid":"ed"}'],
  ['kid twice, once escaped', '{"alg":"EdDSA","\\u006bid":"es","typ":"at+jwt","kid":"ed"}'],
  ['an unknown member twice', '{"a":1,"a":1,"alg":"EdDSA","typ":"at+jwt","kid":"ed"}'],
  ['bytes that are not UTF-8', notUtf8('{"alg":"EdDSA","typ":"at+jwt","kid":"ed","x":"?"}')],
]

function notUtf8(json: string): Buffer {
  const bytes = Buffer.from(json)
  bytes[bytes.indexOf('?')] = 0xff
  return bytes
}

const HEADER_MEMBERS: readonly Json[] = [
  { crit: ['exp'] },
  { crit: [] },
  { crit: null },
  { jku: 'https://evil.example/jwks.json' },
  { jwk: jwkOf('ed-2') },
  { x5u: 'https://evil.example/cert.pem' },
  { x5c: ['MIIB'] },
  { zip: 'DEF' },
  { enc: 'A256GCM' },
  { b64: true },
]

const malformed = (): TokenCase[] => [
  ...MALFORMED.map(([name, token]) => refused('malformed_token', name, token)),
  ...BAD_HEADERS.map(([name, text]) =>
    refused('malformed_token', `header: ${name}`, tokenOf('ed', claimsWith(), text)),
  ),
  ...HEADER_MEMBERS.map((member) =>
    refused('malformed_token', `header with ${JSON.stringify(member).slice(0, 40)}`, withHeader(member)),
  ),
  ...[undefined, null, 1, ['EdDSA']].map((alg) =>
    refused('malformed_token', `alg is ${textOf(alg)}`, withAlgorithm(alg)),
  ),
  ...[undefined, null, 7, ['ed']].map((kid) =>
    refused('malformed_token', `kid is ${textOf(kid)}`, withHeader({ kid })),
  ),
  refused(
    'malformed_token',
    'HS256 without kid',
    hmacToken(claimsWith(), { alg: 'HS256', typ: 'at+jwt' }),
    'secret',
  ),
]

const spki = (kid: Kid): Buffer | string =>
  createPublicKey({ key: jwkOf(kid), format: 'jwk' }).export({ type: 'spki', format: 'pem' })

const algorithms = (): TokenCase[] => [
  ...['none', 'None', 'nOnE', '', ' EdDSA', 'eddsa', 'Ed25519', 'HS512', 'ES384', 'PS256', 'RS512'].map(
    (alg) => refused('wrong_algorithm', `alg is ${JSON.stringify(alg)}`, withAlgorithm(alg)),
  ),
  refused(
    'malformed_token',
    'none without a signature',
    `${encode({ ...headerOf('ed'), alg: 'none' })}.${payload}.`,
  ),
  refused(
    'wrong_algorithm',
    'none with a short signature',
    `${encode({ ...headerOf('ed'), alg: 'none' })}.${payload}.AA`,
  ),
  refused('wrong_algorithm', 'HS256 where keys are used', hmacToken()),
  ...asymmetric.map((kid) =>
    refused(
      'wrong_algorithm',
      `HS256 with the public key of ${kid} as its secret`,
      hmacToken(claimsWith(), { ...headerOf(kid), alg: 'HS256' }, spki(kid)),
    ),
  ),
  refused(
    'bad_signature',
    'an HMAC with the public key of ed under EdDSA',
    hmacToken(claimsWith(), headerOf('ed'), spki('ed')),
  ),
  ...asymmetric.map((kid) =>
    refused(
      'wrong_algorithm',
      `${String(headerOf(kid)['alg'])} where a secret is used`,
      tokenOf(kid),
      'secret',
    ),
  ),
  refused('wrong_algorithm', 'EdDSA with the kid of an ES256 key', withHeader({ kid: 'es' })),
  refused('wrong_algorithm', 'ES256 with the kid of an RS256 key', withHeader({ kid: 'rs' }, 'es')),
  refused('wrong_algorithm', 'RS256 with the kid of an EdDSA key', withHeader({ kid: 'ed' }, 'rs')),
  ...['', 'ED', 'ed ', 'unknown', '__proto__', 'k'.repeat(300)].map((kid) =>
    refused('unknown_key', `kid is "${kid.slice(0, 12)}"`, withHeader({ kid })),
  ),
]

/** Signatures that are wrong for the same header and payload. */
const signatures = (): TokenCase[] =>
  asymmetric.flatMap((kid) => {
    const signed = tokenOf(kid).split('.').slice(0, 2).join('.')
    const right = signatureOf(kid, signed)
    const flipped = Buffer.from(right)
    flipped.writeUInt8(flipped.readUInt8(9) ^ 1, 9)
    const wrong: [string, Buffer][] = [
      ['all zero', Buffer.alloc(right.length)],
      ['one flipped bit', flipped],
      ['one byte', Buffer.alloc(1)],
      ['a byte too short', right.subarray(0, -1)],
      ['a byte too long', Buffer.concat([right, Buffer.alloc(1)])],
      ['of other claims', signatureOf(kid, `${encode(headerOf(kid))}.${encode(claimsWith({ gen: 4 }))}`)],
    ]
    if (kid === 'es') wrong.push(['in DER', derOf(right)])
    return wrong.map(([name, bytes]) =>
      refused('bad_signature', `${kid}, signature: ${name}`, `${signed}.${bytes.toString('base64url')}`),
    )
  })

/** As other protocols have ECDSA signatures. */
function derOf(raw: Buffer): Buffer {
  const integers = [raw.subarray(0, 32), raw.subarray(32)].map((part) => {
    const bytes = part.readUInt8(0) > 0x7f ? Buffer.concat([Buffer.alloc(1), part]) : part
    return Buffer.concat([Buffer.from([2, bytes.length]), bytes])
  })
  const body = Buffer.concat(integers)
  return Buffer.concat([Buffer.from([0x30, body.length]), body])
}

/** With the first half of the signature. */
function truncated(token: string): string {
  const end = token.lastIndexOf('.') + 1
  return (
    token.slice(0, end) + Buffer.from(token.slice(end), 'base64url').subarray(0, 16).toString('base64url')
  )
}

const tampered = (): TokenCase[] => [
  refused(
    'bad_signature',
    'HS256 with another secret',
    hmacToken(claimsWith(), undefined, 'x'.repeat(32)),
    'secret',
  ),
  refused('bad_signature', 'HS256 with a truncated signature', truncated(hmacToken()), 'secret'),
  refused(
    'bad_signature',
    'another payload',
    `${header}.${encode(claimsWith({ roles: ['admin'] }))}.${signature}`,
  ),
  refused(
    'bad_signature',
    'another header',
    `${encode({ ...headerOf('ed'), cty: 'x' })}.${payload}.${signature}`,
  ),
  refused(
    'bad_signature',
    'signed by another key of the same kind',
    tokenOf('ed-2', claimsWith(), headerOf('ed')),
  ),
  refused(
    'bad_signature',
    'a wrong signature before a wrong typ',
    `${encode({ ...headerOf('ed'), typ: 'x' })}.${payload}.${signature}`,
  ),
]

const types = (): TokenCase[] =>
  [
    'JWT',
    'at+JWT',
    'AT+JWT',
    'application/at+jwt',
    'rt+jwt',
    'delivery+jwt',
    'at+jwt ',
    '',
    null,
    1,
    undefined,
  ].map((typ) => refused('wrong_type', `typ is ${textOf(typ)}`, withHeader({ typ })))

const BAD_PAYLOADS: readonly [string, string | Buffer][] = [
  ['null', 'null'],
  ['an array with the claims', `[${goodJson}]`],
  ['a string with the claims', JSON.stringify(goodJson)],
  ['JSON that ends early', goodJson.slice(0, -1)],
  ['text after it', `${goodJson} x`],
  ['a byte order mark', `\uFEFF${goodJson}`],
  ['sub twice', goodJson.replace('{', '{"sub":"18",')],
  ['exp twice', goodJson.replace(/\}$/, ',"exp":99999999999}')],
  ['sid twice, once escaped', goodJson.replace('{', '{"s\\u0069d":"",')],
  ['an unknown claim twice', goodJson.replace('{', '{"a":1,"a":1,')],
  ['bytes that are not UTF-8', notUtf8(goodJson.replace('moderator', 'mod?rator'))],
  ['a comment', goodJson.replace('{', '{/* */')],
  ['NaN', goodJson.replace('"gen":3', '"gen":NaN')],
]

const WRONG_CLAIMS: readonly [string, string, readonly unknown[]][] = [
  ['wrong_issuer', 'iss', [undefined, null, '', `${issuer}/`, 'https://AUTH.example.org', [issuer]]],
  ['wrong_audience', 'aud', [undefined, null, '', 'Chat', [audience], { chat: true }]],
  ['invalid_claims', 'sub', [undefined, null, 17, '', '017', '18', ' 17', '17.0', '+17']],
  ['invalid_claims', 'user_id', [undefined, null, '17', 0, -17, 17.5, 18, 2 ** 53, true, [17]]],
  [
    'invalid_claims',
    'sid',
    [
      undefined,
      null,
      1,
      '',
      '0199AA11-5A3C-7C7E-9A53-1C7F5A1F7E11',
      '0199aa115a3c7c7e9a531c7f5a1f7e11',
      '{0199aa11-5a3c-7c7e-9a53-1c7f5a1f7e11}',
      '0199aa11-5a3c-7c7e-9a53-1c7f5a1f7e11\n',
      '0199aa11-5a3c-7c7e-9a53-1c7f5a1f7eg1',
    ],
  ],
  ['invalid_claims', 'gen', [undefined, null, '3', -1, 0.5, 2 ** 31, 1e300, true, [3]]],
  ['invalid_claims', 'iat', [undefined, null, '1769860740', -1, 0.5, 8_640_000_000_001]],
  [
    'invalid_claims',
    'exp',
    [undefined, null, '1769861340', -1, nowSeconds + 0.5, 1e300, true, 8_640_000_000_001],
  ],
  ['invalid_claims', 'nbf', [null, '1', -1, 0.5, []]],
  ['invalid_claims', 'auth_time', [undefined, null, '1', -1, 0.5]],
  ['invalid_claims', 'jti', [null, 1, []]],
  ['invalid_claims', 'rcp', [null, 1, []]],
  ['invalid_claims', 'amr', [undefined, null, 'pwd', [1], [['pwd']], {}]],
  ['invalid_claims', 'roles', [undefined, null, 'admin', [1], [null], {}]],
]

const claims = (): TokenCase[] => [
  ...BAD_PAYLOADS.map(([name, text]) => refused('invalid_claims', `payload: ${name}`, tokenOf('ed', text))),
  ...WRONG_CLAIMS.flatMap(([result, claim, values]) =>
    values.map((value) => refused(result, `${claim} is ${textOf(value)}`, withClaims({ [claim]: value }))),
  ),
  refused(
    'invalid_claims',
    'a user id of 2^53 in both claims',
    withClaims({ user_id: 2 ** 53, sub: String(2 ** 53) }),
  ),
  refused(
    'invalid_claims',
    'a user id of 2^53 + 1',
    tokenOf('ed', goodJson.replace('"17","user_id":17', '"9007199254740993","user_id":9007199254740993')),
  ),
  refused('wrong_audience', 'an audience, and none expected', good, 'no audience'),
  refused('wrong_audience', 'aud is null, and none expected', withClaims({ aud: null }), 'no audience'),
  refused('wrong_audience', 'an empty aud, and none expected', withClaims({ aud: '' }), 'no audience'),
]

const times = (): TokenCase[] => [
  refused('expired', 'at exp', withClaims({ exp: nowSeconds })),
  refused('expired', 'long after exp', withClaims({ exp: 0 })),
  refused('not_yet_valid', 'one second before nbf', withClaims({ nbf: nowSeconds + 1 })),
]

/** Two faults each: the code is that of the earlier rule. */
const order = (): TokenCase[] => [
  refused('malformed_token', 'order: crit before alg', withHeader({ crit: [], alg: 'none' })),
  refused('wrong_algorithm', 'order: alg before kid', withHeader({ alg: 'none', kid: 'unknown' })),
  refused(
    'wrong_algorithm',
    'order: the key’s algorithm before the signature',
    `${encode({ ...headerOf('es'), kid: 'ed' })}.${payload}.${signature}`,
  ),
  refused(
    'wrong_type',
    'order: typ before the payload',
    tokenOf('ed', 'null', { ...headerOf('ed'), typ: 'JWT' }),
  ),
  refused('wrong_issuer', 'order: iss before aud', withClaims({ iss: 'x', aud: 'x' })),
  refused('wrong_audience', 'order: aud before the other claims', withClaims({ aud: 'x', gen: -1 })),
  refused('invalid_claims', 'order: claims before exp', withClaims({ gen: -1, exp: 1 })),
  refused('expired', 'order: exp before nbf', withClaims({ exp: nowSeconds, nbf: nowSeconds + 1 })),
]

export const tokenVectors = (): Json => ({
  about: 'One token each, for a verifier that is fresh and knows of no ended session.',
  now: nowSeconds * 1000,
  verifiers: {
    keys: { issuer, audience, jwks: { keys: asymmetric.map(jwkOf) } },
    secret: { issuer, audience, shared_secret: sharedSecret },
    'no audience': { issuer, jwks: { keys: [jwkOf('ed')] } },
  },
  cases: [
    ...validTokens(),
    ...malformed(),
    ...algorithms(),
    ...signatures(),
    ...tampered(),
    ...types(),
    ...claims(),
    ...times(),
    ...order(),
  ],
})
