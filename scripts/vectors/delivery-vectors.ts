import { deliveryClaims, deliveryHeader, deliveryToken } from './delivery-tokens.ts'
import {
  audience,
  encode,
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
import {
  accepted,
  asymmetric,
  good,
  notUtf8,
  refused,
  textOf,
  tokenOfLength,
  type TokenCase,
} from './token-case.ts'

const plain = deliveryToken()
const [header, payload, signature] = plain.split('.') as [string, string, string]
const plainJson = JSON.stringify(deliveryClaims())

const withHeader = (more: Json, kid: Kid = 'ed'): string =>
  tokenOf(kid, deliveryClaims(), { ...deliveryHeader(kid), ...more })
const hmacDelivery = (more: Json = {}, secret?: string): string =>
  hmacToken(deliveryClaims(more), { alg: 'HS256', typ: 'delivery+jwt', kid: 'any' }, secret)
const acceptedWith = (name: string, more: Json): TokenCase =>
  accepted(name, deliveryToken(more), 'keys', deliveryClaims(more))

const valid = (): TokenCase[] => [
  ...asymmetric.map((kid) =>
    accepted(
      `a good token of ${String(deliveryHeader(kid)['alg'])}`,
      deliveryToken({}, kid),
      'keys',
      deliveryClaims(),
    ),
  ),
  accepted(
    'a good token of HS256',
    hmacDelivery({ iat: nowSeconds - 30 }),
    'secret',
    deliveryClaims({ iat: nowSeconds - 30 }),
  ),
  accepted('a verifier without an audience', plain, 'no audience', deliveryClaims()),
  acceptedWith('one second before exp', { exp: nowSeconds + 1 }),
  acceptedWith('at nbf', { nbf: nowSeconds }),
  acceptedWith('issued in the future', { iat: nowSeconds + 30 }),
  acceptedWith('an empty jti', { jti: '' }),
  acceptedWith('the highest user id', { user_id: 2 ** 53 - 1, sub: '9007199254740991' }),
  accepted(
    'claims of access tokens are ignored',
    deliveryToken({ sid: 'x', gen: -1, roles: null, amr: 1, auth_time: '', rcp: 1 }),
    'keys',
    deliveryClaims(),
  ),
]

const malformed = (): TokenCase[] =>
  [
    ['empty', ''],
    ['two parts', `${header}.${payload}`],
    ['four parts', `${plain}.${signature}`],
    ['a space before', ` ${plain}`],
    ['padding of the signature', `${plain}==`],
    ['4097 characters', tokenOfLength(4097).token],
    ['header with crit', withHeader({ crit: ['exp'] })],
    ['header with jwk', withHeader({ jwk: jwkOf('ed-2') })],
    ['alg is missing', withHeader({ alg: undefined })],
    ['kid is missing', withHeader({ kid: undefined })],
    [
      'header: kid twice',
      tokenOf('ed', deliveryClaims(), '{"kid":"es","kid":"ed","alg":"EdDSA","typ":"delivery+jwt"}'),
    ],
  ].map(([name = '', token = '']) => refused('malformed_token', name, token))

const signatures = (): TokenCase[] => [
  refused('wrong_algorithm', 'alg is none', withHeader({ alg: 'none' })),
  refused('wrong_algorithm', 'HS256 where keys are used', hmacDelivery()),
  refused('wrong_algorithm', 'EdDSA where a secret is used', plain, 'secret'),
  refused('wrong_algorithm', 'EdDSA with the kid of an ES256 key', withHeader({ kid: 'es' })),
  refused('unknown_key', 'kid is unknown', withHeader({ kid: 'unknown' })),
  refused('bad_signature', 'HS256 with another secret', hmacDelivery({}, 'x'.repeat(32)), 'secret'),
  refused(
    'bad_signature',
    'another payload',
    `${header}.${encode(deliveryClaims({ user_id: 1, sub: '1' }))}.${signature}`,
  ),
  refused(
    'bad_signature',
    'the typ of an access token was changed to this one',
    `${header}.${good.split('.').slice(1).join('.')}`,
  ),
  ...asymmetric.map((kid) => {
    const signed = deliveryToken({}, kid).split('.').slice(0, 2).join('.')
    const short = signatureOf(kid, signed).subarray(0, -1).toString('base64url')
    return refused('bad_signature', `${kid}, signature: a byte too short`, `${signed}.${short}`)
  }),
]

const types = (): TokenCase[] => [
  refused('wrong_type', 'an access token', good),
  refused('wrong_type', 'an access token of HS256', hmacToken(), 'secret'),
  ...[
    'at+jwt',
    'JWT',
    'delivery',
    'Delivery+jwt',
    'application/delivery+jwt',
    'delivery+jwt ',
    '',
    null,
    1,
    ['delivery+jwt'],
    undefined,
  ].map((typ) => refused('wrong_type', `typ is ${textOf(typ)}`, withHeader({ typ }))),
]

const BAD_PAYLOADS: readonly [string, string | Buffer][] = [
  ['null', 'null'],
  ['an array with the claims', `[${plainJson}]`],
  ['JSON that ends early', plainJson.slice(0, -1)],
  ['a byte order mark', `\uFEFF${plainJson}`],
  ['sub twice', plainJson.replace('{', '{"sub":"18",')],
  ['bytes that are not UTF-8', notUtf8(plainJson.replace('7c9e', '7c?e'))],
]

const WRONG_CLAIMS: readonly [string, string, readonly unknown[]][] = [
  ['wrong_issuer', 'iss', [undefined, null, '', `${issuer}/`, [issuer]]],
  ['wrong_audience', 'aud', [audience, 'messaging', '', null, []]],
  ['invalid_claims', 'user_id', [undefined, null, '17', 0, -17, 17.5, 18, 2 ** 53, true]],
  ['invalid_claims', 'sub', [undefined, null, 17, '', '017', '18']],
  ['invalid_claims', 'jti', [undefined, null, 1, []]],
  ['invalid_claims', 'iat', [undefined, null, '1769860800', -1, 0.5]],
  ['invalid_claims', 'exp', [undefined, null, '1769860860', -1, nowSeconds + 0.5, 1e300, true]],
  ['invalid_claims', 'nbf', [null, '1', -1, 0.5]],
]

const claims = (): TokenCase[] => [
  ...BAD_PAYLOADS.map(([name, text]) =>
    refused('invalid_claims', `payload: ${name}`, tokenOf('ed', text, deliveryHeader('ed'))),
  ),
  ...WRONG_CLAIMS.flatMap(([result, claim, values]) =>
    values.map((value) => refused(result, `${claim} is ${textOf(value)}`, deliveryToken({ [claim]: value }))),
  ),
  refused(
    'wrong_audience',
    'an audience, and none expected of access tokens',
    deliveryToken({ aud: audience }),
    'no audience',
  ),
  refused('expired', 'at exp', deliveryToken({ exp: nowSeconds })),
  refused('expired', 'long after exp', deliveryToken({ exp: 0 })),
  refused('not_yet_valid', 'one second before nbf', deliveryToken({ nbf: nowSeconds + 1 })),
]

/** Two faults each: the code is that of the earlier rule. */
const order = (): TokenCase[] => [
  refused('wrong_algorithm', 'order: alg before kid', withHeader({ alg: 'none', kid: 'unknown' })),
  refused(
    'bad_signature',
    'order: the signature before typ',
    `${encode({ ...deliveryHeader('ed'), typ: 'x' })}.${payload}.${signature}`,
  ),
  refused(
    'wrong_type',
    'order: typ before the payload',
    tokenOf('ed', 'null', { ...deliveryHeader('ed'), typ: 'JWT' }),
  ),
  refused('wrong_issuer', 'order: iss before aud', deliveryToken({ iss: 'x', aud: 'x' })),
  refused('wrong_audience', 'order: aud before the other claims', deliveryToken({ aud: 'x', jti: 1 })),
  refused('invalid_claims', 'order: claims before exp', deliveryToken({ jti: 1, exp: 1 })),
  refused('expired', 'order: exp before nbf', deliveryToken({ exp: nowSeconds, nbf: nowSeconds + 1 })),
]

export const deliveryVectors = (): Json => ({
  about: 'One delivery token each, for a verifier that knows the time.',
  now: nowSeconds * 1000,
  verifiers: {
    keys: { issuer, audience, jwks: { keys: asymmetric.map(jwkOf) } },
    secret: { issuer, audience, shared_secret: sharedSecret },
    'no audience': { issuer, jwks: { keys: [jwkOf('ed')] } },
  },
  cases: [...valid(), ...malformed(), ...signatures(), ...types(), ...claims(), ...order()],
})
