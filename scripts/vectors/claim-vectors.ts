import { deliveryToken } from './delivery-tokens.ts'
import { audience, encode, headerOf, issuer, nowSeconds, tokenOf } from './signing.ts'
import {
  good,
  goodJson,
  notUtf8,
  payload,
  refused,
  signature,
  textOf,
  withClaims,
  withHeader,
  type TokenCase,
} from './token-case.ts'

export const types = (): TokenCase[] => [
  refused('wrong_type', 'a delivery token', deliveryToken()),
  ...[
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
  ].map((typ) => refused('wrong_type', `typ is ${textOf(typ)}`, withHeader({ typ }))),
]

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

export const claims = (): TokenCase[] => [
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

export const times = (): TokenCase[] => [
  refused('expired', 'at exp', withClaims({ exp: nowSeconds })),
  refused('expired', 'long after exp', withClaims({ exp: 0 })),
  refused('not_yet_valid', 'one second before nbf', withClaims({ nbf: nowSeconds + 1 })),
]

/** Two faults each: the code is that of the earlier rule. */
export const order = (): TokenCase[] => [
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
