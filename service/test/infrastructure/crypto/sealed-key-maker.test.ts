import { createPublicKey, sign, verify } from 'node:crypto'
import { calculateJwkThumbprint } from 'jose'
import { describe, expect, test } from 'vitest'
import { scheduleKey, SIGNING_ALGORITHMS, type KeyPair } from '../../../src/domain/signing-key.ts'
import { SealedKeyMaker } from '../../../src/infrastructure/crypto/sealed-key-maker.ts'
import { noon } from '../../support/builders.ts'

const oldSecret = 'an old secret of the tests, long enough'
const newSecret = 'a new secret of the tests, long enough'
const maker = (current = oldSecret, ...previous: readonly string[]) =>
  new SealedKeyMaker({ current, previous })

const pairs = await Promise.all(SIGNING_ALGORITHMS.map((algorithm) => maker().generate(algorithm)))
const [pair] = pairs as [KeyPair]
const key = scheduleKey(pair, noon)
const tampered = (sealedPrivateKey: string) => ({ ...key, sealedPrivateKey })

describe.each(pairs)('a generated $algorithm key', ({ kid, publicJwk, sealedPrivateKey, algorithm }) => {
  test('is named by its thumbprint', async () => {
    expect(kid).toBe(await calculateJwkThumbprint(publicJwk))
  })

  test('has the strength and kind its algorithm asks for, and only public members', () => {
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

  test('opens to the private half of the published one', () => {
    const privateKey = maker().open({ kid, sealedPrivateKey })
    if (privateKey === undefined) throw new Error('it does not open')
    const hash = algorithm === 'EdDSA' ? null : 'sha256'
    const signature = sign(hash, Buffer.from('words'), privateKey)
    const publicKey = createPublicKey({ key: { ...publicJwk }, format: 'jwk' })
    expect(verify(hash, Buffer.from('words'), publicKey, signature)).toBe(true)
  })
})

test('no two keys are alike, nor two sealings of one', async () => {
  const other = await maker().generate('EdDSA')
  expect(other.kid).not.toBe(pair.kid)
  const reseal = () => maker(newSecret, oldSecret).seal(key)
  expect(reseal()).not.toEqual(reseal())
})

describe('a sealed key', () => {
  test('does not show its private half', () => {
    const der = maker().open(pair)?.export({ format: 'der', type: 'pkcs8' })
    const stored = Buffer.from(pair.sealedPrivateKey.split('.')[3] ?? '', 'base64url')
    expect(stored).toHaveLength(der?.length ?? 0)
    expect(stored.includes(der?.subarray(16, 24) ?? '')).toBe(false)
  })

  test('keeps its form from release to release', () => {
    const stored =
      'c0678e7c.zXYgXzsMfTguKryh.vfS_yEGyBvHXAFZ-Az2tag.sHkgHZN0XXWgEEHAaQcOJcfFho8vHV0TeWdMiZCBh_B0yJkoFuCTaOsZF6FT30Vx'
    expect(
      maker().open({ kid: 'a key of an old release', sealedPrivateKey: stored })?.asymmetricKeyType,
    ).toBe('ed25519')
  })

  test('is lost to an instance with another secret', () => {
    expect(maker(newSecret).open(key)).toBeUndefined()
    expect(maker(newSecret).seal(key)).toEqual({ state: 'lost' })
  })

  test('is lost when moved to another kid', () => {
    expect(maker().open({ ...key, kid: 'another' })).toBeUndefined()
    expect(maker().seal({ ...key, kid: pairs[1]?.kid ?? '' })).toEqual({ state: 'lost' })
  })

  test('is lost when any bit of it was changed', () => {
    const parts = key.sealedPrivateKey.split('.')
    parts.forEach((part, index) => {
      const encoding = index === 0 ? 'hex' : 'base64url'
      const bytes = Buffer.from(part, encoding)
      for (let bit = 0; bit < bytes.length * 8; bit += 1) {
        const flipped = Buffer.from(bytes)
        flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
        const sealedPrivateKey = parts.with(index, flipped.toString(encoding)).join('.')
        expect(maker().seal(tampered(sealedPrivateKey))).toEqual({ state: 'lost' })
      }
    })
  })

  test('is lost, and stops nothing, when its form is broken', () => {
    const [id = '', iv = '', tag = '', sealed = ''] = key.sealedPrivateKey.split('.')
    const shortTag = Buffer.from(tag, 'base64url').subarray(0, 12).toString('base64url')
    const broken = [
      '',
      '.',
      '...',
      'null',
      id,
      `${id}...`,
      `${id}..${tag}.${sealed}`,
      `${id}.${iv}..${sealed}`,
    ]
    broken.push(`${id}.${iv}.${tag}`, `${id}.${iv}.${shortTag}.${sealed}`, `${id}.${tag}.${iv}.${sealed}`)
    broken.push(key.sealedPrivateKey.slice(0, -4), `__proto__.${iv}.${tag}.${sealed}`)
    for (const text of broken) expect(maker().seal(tampered(text)), text).toEqual({ state: 'lost' })
  })
})

describe('a new AUTH_SECRET', () => {
  test('leaves what the present one sealed as it is', () => {
    expect(maker().seal(key)).toEqual({ state: 'sealed' })
    expect(maker(oldSecret, newSecret).seal(key)).toEqual({ state: 'sealed' })
  })

  test('seals again what a previous one sealed', () => {
    const seal = maker(newSecret, oldSecret).seal(key)
    if (seal.state !== 'outdated') throw new Error(`the key is ${seal.state}`)
    expect(maker(newSecret).seal(tampered(seal.resealed))).toEqual({ state: 'sealed' })
    expect(maker(oldSecret).seal(tampered(seal.resealed))).toEqual({ state: 'lost' })
    const [before, after] = [maker().open(key), maker(newSecret).open(tampered(seal.resealed))]
    expect(before && after?.equals(before)).toBe(true)
  })

  test('takes no key away from an instance that has opened it before, which leaves the new seal alone', () => {
    const before = maker()
    expect(before.seal(key)).toEqual({ state: 'sealed' })
    const seal = maker(newSecret, oldSecret).seal(key)
    if (seal.state !== 'outdated') throw new Error(`the key is ${seal.state}`)
    expect(before.seal(tampered(seal.resealed))).toEqual({ state: 'sealed' })
    expect(before.open(tampered(seal.resealed))).toBe(before.open(key))
  })
})
