import { claimsWith, headerOf, hmacToken, nowSeconds, tokenOf } from './signing.ts'
import {
  accepted,
  acceptedWith,
  asymmetric,
  goodJson,
  tokenOfLength,
  withClaims,
  withHeader,
  type TokenCase,
} from './token-case.ts'

export function validTokens(): TokenCase[] {
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
