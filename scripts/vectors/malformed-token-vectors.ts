import { claimsWith, headerOf, hmacToken, jwkOf, tokenOf, type Json } from './signing.ts'
import {
  good,
  header,
  notUtf8,
  payload,
  refused,
  signature,
  textOf,
  tokenOfLength,
  withAlgorithm,
  withHeader,
  type TokenCase,
} from './token-case.ts'

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

export const malformed = (): TokenCase[] => [
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
