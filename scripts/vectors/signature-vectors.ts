import { createPublicKey } from 'node:crypto'
import { claimsWith, encode, headerOf, hmacToken, jwkOf, tokenOf, type Kid } from './signing.ts'
import {
  asymmetric,
  header,
  payload,
  refused,
  signature,
  withAlgorithm,
  withHeader,
  type TokenCase,
} from './token-case.ts'

const spki = (kid: Kid): Buffer | string =>
  createPublicKey({ key: jwkOf(kid), format: 'jwk' }).export({ type: 'spki', format: 'pem' })

export const algorithms = (): TokenCase[] => [
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

/** Replaces the signature. */
function resigned(token: string, change: (signature: Buffer) => Buffer): string {
  const end = token.lastIndexOf('.') + 1
  return token.slice(0, end) + change(Buffer.from(token.slice(end), 'base64url')).toString('base64url')
}

export const tampered = (): TokenCase[] => [
  refused(
    'bad_signature',
    'HS256 with another secret',
    hmacToken(claimsWith(), undefined, 'x'.repeat(32)),
    'secret',
  ),
  refused(
    'bad_signature',
    'HS256 with the first half of the signature',
    resigned(hmacToken(), (signature) => signature.subarray(0, 16)),
    'secret',
  ),
  refused(
    'bad_signature',
    'HS256 with a byte after the signature',
    resigned(hmacToken(), (signature) => Buffer.concat([signature, Buffer.alloc(1)])),
    'secret',
  ),
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
