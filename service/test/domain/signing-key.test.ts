import { describe, expect, test } from 'vitest'
import {
  LONGEST_ACCESS_TOKEN_TTL_SECONDS,
  pickSigningKey,
  scheduleKey,
  successorSignsFrom,
  type SigningAlgorithm,
  type SigningKey,
} from '../../src/domain/signing-key.ts'
import { at, DAY, HOUR } from '../support/builders.ts'

const MINUTE = 60

/** A key named after its algorithm that signs from so many seconds after noon. */
const key = (algorithm: SigningAlgorithm, signsFrom: number, kid = `${algorithm} ${signsFrom}`): SigningKey =>
  scheduleKey({ kid, algorithm, publicJwk: {}, sealedPrivateKey: '' }, at(signsFrom))

const picked = (keys: readonly SigningKey[], wanted: SigningAlgorithm, seconds: number): string | undefined =>
  pickSigningKey(keys, wanted, at(seconds))?.kid

const successor = (
  keys: readonly SigningKey[],
  wanted: SigningAlgorithm,
  seconds: number,
): Date | undefined => successorSignsFrom(keys, wanted, at(seconds))

describe('a signing key', () => {
  test('signs for 30 days and stays published a day and ten minutes longer', () => {
    expect(key('EdDSA', 50)).toEqual({
      kid: 'EdDSA 50',
      algorithm: 'EdDSA',
      publicJwk: {},
      sealedPrivateKey: '',
      signsFrom: at(50),
      signsUntil: at(30 * DAY + 50),
      publishedUntil: at(31 * DAY + 10 * MINUTE + 50),
    })
  })

  test('stays published until the last token it signed has expired, however slow the clocks of verifiers', () => {
    const { signsUntil, publishedUntil } = key('EdDSA', 0)
    expect(+publishedUntil - +signsUntil).toBeGreaterThan(LONGEST_ACCESS_TOKEN_TTL_SECONDS * 1000)
  })
})

describe('the key that signs now', () => {
  test('is none when there is none, or all have served their time', () => {
    expect(picked([], 'EdDSA', 0)).toBeUndefined()
    expect(picked([key('EdDSA', 0)], 'EdDSA', 30 * DAY)).toBeUndefined()
  })

  test('signs from its first moment to the last before its end', () => {
    const keys = [key('EdDSA', 0)]
    expect(picked(keys, 'EdDSA', 0)).toBe('EdDSA 0')
    expect(picked(keys, 'EdDSA', 30 * DAY - 0.001)).toBe('EdDSA 0')
  })

  test('is the newest that has begun, in whatever order they come', () => {
    const keys = [key('EdDSA', 0), key('EdDSA', 20), key('EdDSA', 10), key('EdDSA', 30)]
    expect(picked(keys, 'EdDSA', 29.999)).toBe('EdDSA 20')
    expect(picked(keys.toReversed(), 'EdDSA', 29.999)).toBe('EdDSA 20')
    expect(picked(keys, 'EdDSA', 30)).toBe('EdDSA 30')
  })

  test('is of another algorithm until the first of the wanted one may sign', () => {
    const keys = [key('EdDSA', 0), key('RS256', 10), key('ES256', HOUR)]
    expect(picked(keys, 'ES256', HOUR - 0.001)).toBe('RS256 10')
    expect(picked(keys, 'ES256', HOUR)).toBe('ES256 3600')
  })

  test('is of the wanted algorithm even when one of another is newer', () => {
    expect(picked([key('EdDSA', 0), key('ES256', 10)], 'EdDSA', 20)).toBe('EdDSA 0')
  })

  test('is the first to come where none has begun: an early key is better than none', () => {
    const keys = [key('ES256', 20), key('EdDSA', 10), key('EdDSA', 30)]
    expect(picked(keys, 'EdDSA', 0)).toBe('EdDSA 10')
    expect(picked(keys.toReversed(), 'EdDSA', 0)).toBe('EdDSA 10')
  })
})

describe('a new key', () => {
  test('signs at once on the first start, and after a pause in which all others ran out', () => {
    expect(successor([], 'EdDSA', 5)).toEqual(at(5))
    expect(successor([key('EdDSA', 0)], 'EdDSA', 30 * DAY)).toEqual(at(30 * DAY))
    expect(successor([key('EdDSA', 0)], 'ES256', 30 * DAY)).toEqual(at(30 * DAY))
  })

  test('is not needed while one of the wanted algorithm signs for more than another day', () => {
    expect(successor([key('EdDSA', 0)], 'EdDSA', 0)).toBeUndefined()
    expect(successor([key('EdDSA', 0)], 'EdDSA', 29 * DAY - 0.001)).toBeUndefined()
  })

  test('is made a day before the present one ends, and published an hour before it signs', () => {
    expect(successor([key('EdDSA', 0)], 'EdDSA', 29 * DAY)).toEqual(at(29 * DAY + HOUR))
    expect(successor([key('EdDSA', 0)], 'EdDSA', 30 * DAY - 1)).toEqual(at(30 * DAY - 1 + HOUR))
  })

  test('is made once: the one that is only published counts', () => {
    const keys = [key('EdDSA', 0), key('EdDSA', 29 * DAY + HOUR)]
    expect(successor(keys, 'EdDSA', 29 * DAY + 1)).toBeUndefined()
    expect(successor(keys, 'EdDSA', 30 * DAY)).toBeUndefined()
  })

  test('of another algorithm is made as soon as that is wanted, and published first', () => {
    expect(successor([key('EdDSA', 0)], 'ES256', 5 * DAY)).toEqual(at(5 * DAY + HOUR))
  })

  test('is not needed when the algorithm changes back to one whose key still has time', () => {
    const keys = [key('EdDSA', 0), key('ES256', 5 * DAY)]
    expect(successor(keys, 'EdDSA', 6 * DAY)).toBeUndefined()
  })

  test('is not made by an instance whose clock is behind that of the one that made the first', () => {
    expect(successor([key('EdDSA', 0.003)], 'EdDSA', 0)).toBeUndefined()
  })
})

test('a pause that ends just before the only key does leaves no moment without a key to sign with', () => {
  const restart = 30 * DAY - 20 * MINUTE
  const signsFrom = successor([key('EdDSA', 0)], 'EdDSA', restart)
  const keys = [key('EdDSA', 0), key('EdDSA', (Number(signsFrom) - Number(at(0))) / 1000, 'next')]
  expect(picked(keys, 'EdDSA', 30 * DAY - 0.001)).toBe('EdDSA 0')
  expect(picked(keys, 'EdDSA', 30 * DAY)).toBe('next')
  expect(picked(keys, 'EdDSA', 30 * DAY + HOUR)).toBe('next')
})
