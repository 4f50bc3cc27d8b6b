import { createPublicKey } from 'node:crypto'
import { claimsWith, encode, headerOf, hmacToken, jwkOf, signatureOf, tokenOf, type Kid } from './signing.ts'
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

/** Signatures that are wrong for the same header and payload. */
export const signatures = (): TokenCase[] =>
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

export const tampered = (): TokenCase[] => [
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
