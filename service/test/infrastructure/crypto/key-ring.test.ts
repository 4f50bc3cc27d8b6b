import { hkdfSync } from 'node:crypto'
import { decodeProtectedHeader } from 'jose'
import { describe, expect, test } from 'vitest'
import {
  scheduleKey,
  SIGNING_ALGORITHMS,
  type SigningAlgorithm,
  type SigningKey,
} from '../../../src/domain/signing-key.ts'
import {
  AsymmetricKeyRing,
  encodeHeader,
  SharedSecretKeys,
} from '../../../src/infrastructure/crypto/key-ring.ts'
import { EncryptingKeyMaker } from '../../../src/infrastructure/crypto/encrypting-key-maker.ts'
import { at, DAY, HOUR, noon } from '../../support/builders.ts'

const oldSecret = 'an old secret of the tests, long enough'
const newSecret = 'a new secret of the tests, long enough'
const keyMaker = new EncryptingKeyMaker({ current: oldSecret, previous: [] })

const newKey = async (algorithm: SigningAlgorithm, signsFrom = 0): Promise<SigningKey> =>
  scheduleKey(await keyMaker.generate(algorithm), at(signsFrom))
const headerOf = ({ algorithm, kid }: SigningKey): string => encodeHeader(algorithm, kid)

const [eddsa, es256, rs256] = (await Promise.all(
  SIGNING_ALGORITHMS.map((algorithm) => newKey(algorithm)),
)) as [SigningKey, SigningKey, SigningKey]

function ringOf(keys: readonly SigningKey[], maker = keyMaker, wanted: SigningAlgorithm = 'EdDSA') {
  const ring = new AsymmetricKeyRing(maker, wanted)
  ring.load(keys)
  return ring
}

test('the header of an access token has alg, typ and kid, and nothing else', () => {
  const encoded = encodeHeader('EdDSA', 'a-kid')
  expect(Buffer.from(encoded, 'base64url').toString()).toBe('{"alg":"EdDSA","typ":"at+jwt","kid":"a-kid"}')
  expect(decodeProtectedHeader(`${encoded}..`)).toEqual({ alg: 'EdDSA', typ: 'at+jwt', kid: 'a-kid' })
})

describe('a key ring', () => {
  test('a key ring without keys signs, verifies and publishes nothing', () => {
    const ring = ringOf([])
    expect(ring.signingKey(noon)).toBeUndefined()
    expect(ring.verificationKey(headerOf(eddsa), noon)).toBeUndefined()
    expect(ring.jwks(noon)).toEqual({ keys: [] })
  })

  test.each([eddsa, es256, rs256])(
    'a key ring signs with the private key of the wanted algorithm: $algorithm',
    (key) => {
      const signing = ringOf([eddsa, es256, rs256], keyMaker, key.algorithm).signingKey(noon)
      expect(signing).toMatchObject({ algorithm: key.algorithm, encodedHeader: headerOf(key) })
      expect(signing?.key.type).toBe('private')
    },
  )

  test('a key ring verifies with the public key of the header, for every algorithm', () => {
    const ring = ringOf([eddsa, es256, rs256])
    for (const key of [eddsa, es256, rs256]) {
      const found = ring.verificationKey(headerOf(key), noon)
      expect(found?.algorithm).toBe(key.algorithm)
      expect(found?.key.type).toBe('public')
      expect(found?.key.export({ format: 'jwk' })).toEqual(key.publicJwk)
    }
  })

  test('a key ring accepts only its exact headers, not other spellings of them', () => {
    const ring = ringOf([eddsa])
    const { kid } = eddsa
    const others = [
      { alg: 'EdDSA', kid, typ: 'at+jwt' },
      { alg: 'EdDSA', typ: 'at+jwt', kid, crit: [] },
      { alg: 'EdDSA', typ: 'JWT', kid },
      { alg: 'EdDSA', typ: 'AT+JWT', kid },
      { alg: 'EdDSA', typ: 'application/at+jwt', kid },
      { alg: 'Ed25519', typ: 'at+jwt', kid },
      { alg: 'EdDSA', typ: 'at+jwt' },
      { alg: 'EdDSA', typ: 'at+jwt', kid: es256.kid },
      { alg: 'HS256', typ: 'at+jwt', kid },
      { alg: 'none', typ: 'at+jwt', kid },
    ].map((header) => Buffer.from(JSON.stringify(header)).toString('base64url'))
    const spaced = Buffer.from(`{"alg":"EdDSA", "typ":"at+jwt","kid":"${kid}"}`).toString('base64url')
    for (const header of [...others, spaced, '', '__proto__', 'constructor', `${headerOf(eddsa)}=`]) {
      expect(ring.verificationKey(header, noon), header).toBeUndefined()
    }
    expect(ring.verificationKey(headerOf(eddsa), noon)).toBeDefined()
  })

  test('a key ring publishes all public keys, even one that does not sign yet', async () => {
    const coming = await newKey('ES256', HOUR)
    const ring = ringOf([eddsa, coming, rs256])
    expect(ring.jwks(noon)).toEqual({
      keys: [eddsa, coming, rs256].map((key) => ({
        ...key.publicJwk,
        kid: key.kid,
        alg: key.algorithm,
        use: 'sig',
      })),
    })
    expect(ring.verificationKey(headerOf(coming), noon)).toBeDefined()
  })

  test('a key ring never publishes a private member of a key', () => {
    const members = ringOf([eddsa, es256, rs256])
      .jwks(noon)
      .keys.flatMap((key) => Object.keys(key))
    expect(new Set(members)).toEqual(new Set(['kty', 'crv', 'x', 'y', 'n', 'e', 'kid', 'alg', 'use']))
  })

  test('a key ring drops a loaded key at the end of its publication', () => {
    const ring = ringOf([eddsa])
    const end = 31 * DAY + 600
    expect(ring.jwks(at(end - 0.001)).keys).toHaveLength(1)
    expect(ring.verificationKey(headerOf(eddsa), at(end - 0.001))).toBeDefined()
    expect(ring.jwks(at(end)).keys).toHaveLength(0)
    expect(ring.verificationKey(headerOf(eddsa), at(end))).toBeUndefined()
  })

  test('a key ring still verifies with a key that no longer signs', () => {
    const ring = ringOf([eddsa])
    expect(ring.signingKey(at(30 * DAY))).toBeUndefined()
    expect(ring.verificationKey(headerOf(eddsa), at(30 * DAY))).toBeDefined()
  })

  test('a key ring forgets its keys when it loads other ones', () => {
    const ring = ringOf([eddsa])
    ring.load([es256])
    expect(ring.verificationKey(headerOf(eddsa), noon)).toBeUndefined()
    expect(ring.signingKey(noon)?.encodedHeader).toBe(headerOf(es256))
  })

  test('a key ring keeps its keys if it cannot read the new ones', () => {
    const ring = ringOf([eddsa])
    expect(() => ring.load([{ ...es256, publicJwk: { kty: 'OKP' } }])).toThrow()
    expect(ring.signingKey(noon)?.encodedHeader).toBe(headerOf(eddsa))
    expect(ring.verificationKey(headerOf(eddsa), noon)).toBeDefined()
  })
})

describe('a key that cannot be opened', () => {
  const makerWithNewSecret = () => new EncryptingKeyMaker({ current: newSecret, previous: [] })

  test('a signing key that cannot be opened is published and verifies, but never signs', () => {
    const ring = ringOf([eddsa], makerWithNewSecret())
    expect(ring.signingKey(noon)).toBeUndefined()
    expect(ring.jwks(noon).keys).toHaveLength(1)
    expect(ring.verificationKey(headerOf(eddsa), noon)).toBeDefined()
  })

  test('an older signing key signs if the newer one cannot be opened', async () => {
    const own = makerWithNewSecret()
    const older = scheduleKey(await own.generate('EdDSA'), at(-10))
    expect(ringOf([older, eddsa], own).signingKey(noon)?.encodedHeader).toBe(headerOf(older))
  })

  test('a signing key signs once another instance has encrypted it with the new secret', () => {
    const ring = ringOf([eddsa], makerWithNewSecret())
    const encryption = new EncryptingKeyMaker({ current: newSecret, previous: [oldSecret] }).checkEncryption(
      eddsa,
    )
    if (encryption.state !== 'outdated') throw new Error(`the key is ${encryption.state}`)
    ring.load([{ ...eddsa, encryptedPrivateKey: encryption.reencrypted }])
    expect(ring.signingKey(noon)?.encodedHeader).toBe(headerOf(eddsa))
  })
})

describe('a shared secret', () => {
  const secret = 'a shared secret of the tests, long enough'
  const keys = new SharedSecretKeys(secret)
  const header = keys.signingKey().encodedHeader

  test('a shared secret signs and verifies with HS256, and its bytes are the setting', () => {
    expect(keys.signingKey()).toMatchObject({ algorithm: 'HS256' })
    expect(keys.signingKey().key.export()).toEqual(Buffer.from(secret))
    expect(keys.verificationKey(header)).toBe(keys.signingKey())
    expect(decodeProtectedHeader(`${header}..`)).toEqual({
      alg: 'HS256',
      typ: 'at+jwt',
      kid: Buffer.from(hkdfSync('sha256', secret, '', 'chat-auth shared secret', 36)).toString('hex', 32),
    })
  })

  test('a shared secret is never published', () => {
    expect(keys.jwks()).toEqual({ keys: [] })
  })

  test('a shared secret has the same kid on every instance, other secrets have others', () => {
    expect(new SharedSecretKeys(secret).signingKey().encodedHeader).toBe(header)
    expect(new SharedSecretKeys(`${secret}!`).signingKey().encodedHeader).not.toBe(header)
  })

  test('a shared secret accepts only its own header', () => {
    for (const other of ['', headerOf(eddsa), encodeHeader('HS256', 'other'), `${header}=`]) {
      expect(keys.verificationKey(other)).toBeUndefined()
    }
  })
})
