import { createHash } from 'node:crypto'
import { audience, claimsWith, encode, headerOf, issuer, jwkOf, nowSeconds, privateJwkOf } from './signing.ts'
import { tokenOf, type Json } from './signing.ts'

interface KeySetCase {
  readonly name: string
  /** The response for the keys: JSON, or a text that is not. */
  readonly jwks?: unknown
  readonly body?: string
  readonly status?: number
  /** How many keys can be used. */
  readonly keys: number
  /** By the names in `tokens`. */
  readonly results: Readonly<Record<string, string>>
}

const [ed, es, rs, small] = [jwkOf('ed'), jwkOf('es'), jwkOf('rs'), jwkOf('rs-1024')]
const setOf = (...keys: unknown[]) => ({ keys })
const without = (jwk: Json, ...names: string[]): Json =>
  Object.fromEntries(Object.entries(jwk).filter(([name]) => !names.includes(name)))

const ok = (
  name: string,
  jwks: unknown,
  results: KeySetCase['results'] = { ed: 'accepted' },
  keys = 1,
): KeySetCase => ({
  name,
  jwks,
  keys,
  results,
})
/** The only key in the set cannot be used. */
const unusable = (name: string, jwk: unknown, token = 'ed'): KeySetCase =>
  ok(name, setOf(jwk), { [token]: 'unavailable' }, 0)
/** The same key in one case, beside a good one: it is skipped, and the good one counts. */
const skipped = (name: string, jwk: unknown): KeySetCase =>
  ok(name, setOf(jwk, es), { ed: 'unknown_key', es: 'accepted' })

const members = (): KeySetCase[] => [
  ok('a key with use, alg and kid', setOf(ed)),
  ok('a key without use and alg', setOf(without(ed, 'use', 'alg'))),
  ok('a key with key_ops', setOf({ ...without(ed, 'use'), key_ops: ['verify'] })),
  ok('key_ops with verify among others', setOf({ ...ed, key_ops: ['encrypt', 'verify'] })),
  ok('unknown members are ignored', setOf({ ...ed, x5c: ['AA'], ext: true, 'x-more': {} })),
  ok('the three kinds of keys', setOf(ed, es, rs), { ed: 'accepted', es: 'accepted', rs: 'accepted' }, 3),
  skipped('use is enc', { ...ed, use: 'enc' }),
  skipped('use is null', { ...ed, use: null }),
  skipped('key_ops without verify', { ...ed, key_ops: ['sign'] }),
  skipped('key_ops is empty', { ...ed, key_ops: [] }),
  skipped('key_ops with verify twice', { ...ed, key_ops: ['verify', 'verify'] }),
  skipped('key_ops is a string', { ...ed, key_ops: 'verify' }),
  skipped('key_ops is null', { ...ed, key_ops: null }),
  skipped('alg of another key type', { ...ed, alg: 'ES256' }),
  skipped('alg is HS256', { ...ed, alg: 'HS256' }),
  skipped('alg is null', { ...ed, alg: null }),
  skipped('no kid', without(ed, 'kid')),
  skipped('kid is a number', { ...ed, kid: 1 }),
  skipped('the private part is published', privateJwkOf('ed')),
  skipped('d is null', { ...ed, d: null }),
  skipped('no x', without(ed, 'x')),
  skipped('x is a number', { ...ed, x: 1 }),
  skipped('x of 31 bytes', { ...ed, x: Buffer.alloc(31, 9).toString('base64url') }),
  skipped('kty is unknown', { ...ed, kty: 'XXX' }),
  skipped('crv is unknown', { ...ed, crv: 'X25519' }),
  skipped('null in the list', null),
  skipped('a list in the list', [ed]),
]

const secretKey: Json = {
  kty: 'oct',
  kid: 'ed',
  alg: 'HS256',
  k: encode('a secret of at least thirty-two bytes'),
}

const types = (): KeySetCase[] => [
  skipped('a symmetric key', secretKey),
  unusable('a private RSA key', privateJwkOf('rs'), 'rs'),
  unusable('a private P-256 key', privateJwkOf('es'), 'es'),
  unusable('an RSA key of 1024 bits', small, 'rs-1024'),
  unusable('an RSA key of 8200 bits', { ...rs, n: largeModulus() }, 'rs'),
  unusable('an RSA key with the exponent 1', { ...rs, e: 'AQ' }, 'forged with exponent 1'),
  unusable('an RSA key with an even exponent', { ...rs, e: 'AQAA' }, 'rs'),
  unusable('a P-256 point that is not on the curve', { ...es, y: es['x'] }, 'es'),
  unusable('a P-256 key under another curve', { ...es, crv: 'P-384' }, 'es'),
  ok('an RSA key with alg PS256 is skipped', setOf({ ...rs, alg: 'PS256' }, ed), {
    rs: 'unknown_key',
    ed: 'accepted',
  }),
]

/** Odd, and as random as a modulus looks. */
function largeModulus(): string {
  const bytes = createHash('shake256', { outputLength: 1025 }).update('chat-auth vectors').digest()
  bytes.writeUInt8(0x80, 0)
  bytes.writeUInt8(bytes.readUInt8(1024) | 1, 1024)
  return bytes.toString('base64url')
}

const sets = (): KeySetCase[] => [
  ok('the first of two usable keys with one kid counts', setOf(ed, { ...jwkOf('ed-2'), kid: 'ed' })),
  ok(
    'the first of two usable keys with one kid counts, in the other order',
    setOf({ ...jwkOf('ed-2'), kid: 'ed' }, ed),
    {
      ed: 'bad_signature',
    },
  ),
  ok('an unusable key leaves its kid to a later one', setOf({ ...ed, use: 'enc' }, ed)),
  ok('100 items', setOf(...Array.from({ length: 99 }, () => 0), ed)),
  ok('101 items', setOf(...Array.from({ length: 100 }, () => 0), ed), { ed: 'unavailable' }, 0),
  ok('unknown members of the set are ignored', { keys: [ed], more: [] }),
  ok('no keys', setOf(), { ed: 'unavailable' }, 0),
  ok('no list', {}, { ed: 'unavailable' }, 0),
  ok('an object instead of the list', { keys: { 0: ed } }, { ed: 'unavailable' }, 0),
  ok('a bare list', [ed], { ed: 'unavailable' }, 0),
  ok('null', null, { ed: 'unavailable' }, 0),
  { name: 'text that is not JSON', body: '<html></html>', keys: 0, results: { ed: 'unavailable' } },
  { name: 'another status', jwks: setOf(ed), status: 503, keys: 0, results: { ed: 'unavailable' } },
]

/** With the exponent 1 every message is its own signature: EMSA-PKCS1-v1_5 (RFC 8017, section 9.2). */
function forgedWithExponentOne(): string {
  const signed = `${encode(headerOf('rs'))}.${encode(claimsWith())}`
  const digestInfo = Buffer.concat([
    Buffer.from('3031300d060960864801650304020105000420', 'hex'),
    createHash('sha256').update(signed).digest(),
  ])
  const padding = Buffer.alloc(256 - 3 - digestInfo.length, 0xff)
  const padded = Buffer.concat([Buffer.from([0, 1]), padding, Buffer.from([0]), digestInfo])
  return `${signed}.${padded.toString('base64url')}`
}

export const keySetVectors = (): Json => ({
  about: 'The response for the keys, and tokens that are then verified by a fresh verifier.',
  now: nowSeconds * 1000,
  issuer,
  audience,
  tokens: {
    ed: tokenOf('ed'),
    es: tokenOf('es'),
    rs: tokenOf('rs'),
    'rs-1024': tokenOf('rs-1024'),
    'forged with exponent 1': forgedWithExponentOne(),
  },
  cases: [...members(), ...types(), ...sets()],
})
