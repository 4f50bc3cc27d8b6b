import { createPublicKey, sign, verify } from 'node:crypto'
import { calculateJwkThumbprint } from 'jose'
import { describe, expect, test } from 'vitest'
import { scheduleKey, SIGNING_ALGORITHMS, type KeyPair } from '../../../src/domain/signing-key.ts'
import { EncryptingKeyMaker } from '../../../src/infrastructure/crypto/encrypting-key-maker.ts'
import { noon } from '../../support/builders.ts'

const oldSecret = 'an old secret of the tests, long enough'
const newSecret = 'a new secret of the tests, long enough'
const maker = (current = oldSecret, ...previous: readonly string[]) =>
  new EncryptingKeyMaker({ current, previous })

const pairs = await Promise.all(SIGNING_ALGORITHMS.map((algorithm) => maker().generate(algorithm)))
const [pair] = pairs as [KeyPair]
const key = scheduleKey(pair, noon)
const tampered = (encryptedPrivateKey: string) => ({ ...key, encryptedPrivateKey })

describe.each(pairs)('a generated $algorithm key', ({ kid, publicJwk, encryptedPrivateKey, algorithm }) => {
  test(`the kid of a generated ${algorithm} key is its thumbprint`, async () => {
    expect(kid).toBe(await calculateJwkThumbprint(publicJwk))
  })

  test(`a generated ${algorithm} key has the right kind and strength, and only public members`, () => {
    const expected = {
      EdDSA: { kty: 'OKP', crv: 'Ed25519', x: expect.stringMatching(/^[\w-]{43}$/) as string },
      ES256: {
        kty: 'EC',
        crv: 'P-256',
        x: expect.stringMatching(/^[\w-]{43}$/) as string,
        y: expect.stringMatching(/^[\w-]{43}$/) as string,
      },
      RS256: { kty: 'RSA', e: 'AQAB', n: expect.stringMatching(/^[\w-]{342}$/) as string },
    }
    expect(publicJwk).toEqual(expected[algorithm])
  })

  test(`the private half of a generated ${algorithm} key matches the public one`, () => {
    const privateKey = maker().privateKeyOf({ kid, encryptedPrivateKey })
    if (privateKey === undefined) throw new Error('it cannot be opened')
    const hash = algorithm === 'EdDSA' ? null : 'sha256'
    const signature = sign(hash, Buffer.from('words'), privateKey)
    const publicKey = createPublicKey({ key: { ...publicJwk }, format: 'jwk' })
    expect(verify(hash, Buffer.from('words'), publicKey, signature)).toBe(true)
  })
})

test('two generated keys differ, and so do two encryptions of the same key', async () => {
  const other = await maker().generate('EdDSA')
  expect(other.kid).not.toBe(pair.kid)
  const reencrypt = () => maker(newSecret, oldSecret).checkEncryption(key)
  expect(reencrypt()).not.toEqual(reencrypt())
})

describe('an encrypted signing key', () => {
  test('a stored signing key does not contain its private half in plain form', () => {
    const der = maker().privateKeyOf(pair)?.export({ format: 'der', type: 'pkcs8' })
    const stored = Buffer.from(pair.encryptedPrivateKey.split('.')[3] ?? '', 'base64url')
    expect(stored).toHaveLength(der?.length ?? 0)
    expect(stored.includes(der?.subarray(16, 24) ?? '')).toBe(false)
  })

  test('a signing key stored by an old release can still be opened', () => {
    const stored =
      'c0678e7c.zXYgXzsMfTguKryh.vfS_yEGyBvHXAFZ-Az2tag.sHkgHZN0XXWgEEHAaQcOJcfFho8vHV0TeWdMiZCBh_B0yJkoFuCTaOsZF6FT30Vx'
    expect(
      maker().privateKeyOf({ kid: 'a key of an old release', encryptedPrivateKey: stored })
        ?.asymmetricKeyType,
    ).toBe('ed25519')
  })

  test('a signing key is lost to an instance with another secret', () => {
    expect(maker(newSecret).privateKeyOf(key)).toBeUndefined()
    expect(maker(newSecret).checkEncryption(key)).toEqual({ state: 'lost' })
  })

  test('a signing key is lost if it is moved to another kid', { tags: ['TOKEN-16'] }, () => {
    expect(maker().privateKeyOf({ ...key, kid: 'another' })).toBeUndefined()
    expect(maker().checkEncryption({ ...key, kid: pairs[1]?.kid ?? '' })).toEqual({ state: 'lost' })
  })

  test('a signing key is lost if any stored bit is changed', { tags: ['TOKEN-16'] }, () => {
    const parts = key.encryptedPrivateKey.split('.')
    parts.forEach((part, index) => {
      const encoding = index === 0 ? 'hex' : 'base64url'
      const bytes = Buffer.from(part, encoding)
      for (let bit = 0; bit < bytes.length * 8; bit += 1) {
        const flipped = Buffer.from(bytes)
        flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
        const encryptedPrivateKey = parts.with(index, flipped.toString(encoding)).join('.')
        expect(maker().checkEncryption(tampered(encryptedPrivateKey))).toEqual({ state: 'lost' })
      }
    })
  })

  test('a signing key with a malformed stored form is lost, and no error is thrown', () => {
    const [id = '', iv = '', tag = '', encrypted = ''] = key.encryptedPrivateKey.split('.')
    const shortTag = Buffer.from(tag, 'base64url').subarray(0, 12).toString('base64url')
    const broken = [
      '',
      '.',
      '...',
      'null',
      id,
      `${id}...`,
      `${id}..${tag}.${encrypted}`,
      `${id}.${iv}..${encrypted}`,
    ]
    broken.push(
      `${id}.${iv}.${tag}`,
      `${id}.${iv}.${shortTag}.${encrypted}`,
      `${id}.${tag}.${iv}.${encrypted}`,
    )
    broken.push(key.encryptedPrivateKey.slice(0, -4), `__proto__.${iv}.${tag}.${encrypted}`)
    for (const text of broken)
      expect(maker().checkEncryption(tampered(text)), text).toEqual({ state: 'lost' })
  })
})

describe('a new AUTH_SECRET', () => {
  test('a signing key encrypted with the current secret is left as it is', () => {
    expect(maker().checkEncryption(key)).toEqual({ state: 'current' })
    expect(maker(oldSecret, newSecret).checkEncryption(key)).toEqual({ state: 'current' })
  })

  test('a signing key encrypted with a previous secret is encrypted again', () => {
    const encryption = maker(newSecret, oldSecret).checkEncryption(key)
    if (encryption.state !== 'outdated') throw new Error(`the key is ${encryption.state}`)
    expect(maker(newSecret).checkEncryption(tampered(encryption.reencrypted))).toEqual({ state: 'current' })
    expect(maker(oldSecret).checkEncryption(tampered(encryption.reencrypted))).toEqual({ state: 'lost' })
    const [before, after] = [
      maker().privateKeyOf(key),
      maker(newSecret).privateKeyOf(tampered(encryption.reencrypted)),
    ]
    expect(before && after?.equals(before)).toBe(true)
  })

  test('an instance that has opened a signing key keeps it when another encrypts it again', () => {
    const before = maker()
    expect(before.checkEncryption(key)).toEqual({ state: 'current' })
    const encryption = maker(newSecret, oldSecret).checkEncryption(key)
    if (encryption.state !== 'outdated') throw new Error(`the key is ${encryption.state}`)
    expect(before.checkEncryption(tampered(encryption.reencrypted))).toEqual({ state: 'current' })
    expect(before.privateKeyOf(tampered(encryption.reencrypted))).toBe(before.privateKeyOf(key))
  })
})
