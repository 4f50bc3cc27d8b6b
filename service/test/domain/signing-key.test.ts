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

/** A key named after its algorithm and the second after noon from which it signs. */
const key = (algorithm: SigningAlgorithm, signsFrom: number, kid = `${algorithm} ${signsFrom}`): SigningKey =>
  scheduleKey({ kid, algorithm, publicJwk: {}, encryptedPrivateKey: '' }, at(signsFrom))

const picked = (keys: readonly SigningKey[], wanted: SigningAlgorithm, seconds: number): string | undefined =>
  pickSigningKey(keys, wanted, at(seconds))?.kid

const successor = (
  keys: readonly SigningKey[],
  wanted: SigningAlgorithm,
  seconds: number,
): Date | undefined => successorSignsFrom(keys, wanted, at(seconds))

describe('a signing key', () => {
  test('a signing key signs for 30 days and stays published a day and ten minutes longer', () => {
    expect(key('EdDSA', 50)).toEqual({
      kid: 'EdDSA 50',
      algorithm: 'EdDSA',
      publicJwk: {},
      encryptedPrivateKey: '',
      signsFrom: at(50),
      signsUntil: at(30 * DAY + 50),
      publishedUntil: at(31 * DAY + 10 * MINUTE + 50),
    })
  })

  test('a signing key stays published until its last token has expired, even for slow clocks', () => {
    const { signsUntil, publishedUntil } = key('EdDSA', 0)
    expect(+publishedUntil - +signsUntil).toBeGreaterThan(LONGEST_ACCESS_TOKEN_TTL_SECONDS * 1000)
  })
})

describe('the key that signs now', () => {
  test('no key signs when there are no keys or all have stopped signing', () => {
    expect(picked([], 'EdDSA', 0)).toBeUndefined()
    expect(picked([key('EdDSA', 0)], 'EdDSA', 30 * DAY)).toBeUndefined()
  })

  test('a key signs from its start time until just before its end time', () => {
    const keys = [key('EdDSA', 0)]
    expect(picked(keys, 'EdDSA', 0)).toBe('EdDSA 0')
    expect(picked(keys, 'EdDSA', 30 * DAY - 0.001)).toBe('EdDSA 0')
  })

  test('the newest started key signs, whatever the order of the list', () => {
    const keys = [key('EdDSA', 0), key('EdDSA', 20), key('EdDSA', 10), key('EdDSA', 30)]
    expect(picked(keys, 'EdDSA', 29.999)).toBe('EdDSA 20')
    expect(picked(keys.toReversed(), 'EdDSA', 29.999)).toBe('EdDSA 20')
    expect(picked(keys, 'EdDSA', 30)).toBe('EdDSA 30')
  })

  test('a key of the old algorithm signs until the first key of the wanted one may sign', () => {
    const keys = [key('EdDSA', 0), key('RS256', 10), key('ES256', HOUR)]
    expect(picked(keys, 'ES256', HOUR - 0.001)).toBe('RS256 10')
    expect(picked(keys, 'ES256', HOUR)).toBe('ES256 3600')
  })

  test('a key of the wanted algorithm signs even if a key of another algorithm is newer', () => {
    expect(picked([key('EdDSA', 0), key('ES256', 10)], 'EdDSA', 20)).toBe('EdDSA 0')
  })

  test('the earliest coming key signs if no key has started yet', () => {
    const keys = [key('ES256', 20), key('EdDSA', 10), key('EdDSA', 30)]
    expect(picked(keys, 'EdDSA', 0)).toBe('EdDSA 10')
    expect(picked(keys.toReversed(), 'EdDSA', 0)).toBe('EdDSA 10')
  })
})

describe('a new key', () => {
  test('a key that was made while the clock was two years ahead does not stop the rotation', () => {
    const early = key('EdDSA', 730 * DAY)
    expect(successor([early], 'EdDSA', 0)).toEqual(at(HOUR))
    expect(successor([early, key('EdDSA', HOUR)], 'EdDSA', 0)).toBeUndefined()
    expect(successor([early, key('EdDSA', 0)], 'EdDSA', 29 * DAY)).toEqual(at(29 * DAY + HOUR))
  })

  test('a new key signs immediately on the first start and when all other keys have run out', () => {
    expect(successor([], 'EdDSA', 5)).toEqual(at(5))
    expect(successor([key('EdDSA', 0)], 'EdDSA', 30 * DAY)).toEqual(at(30 * DAY))
    expect(successor([key('EdDSA', 0)], 'ES256', 30 * DAY)).toEqual(at(30 * DAY))
  })

  test('a new key is not needed while a key of the wanted algorithm signs for over a day', () => {
    expect(successor([key('EdDSA', 0)], 'EdDSA', 0)).toBeUndefined()
    expect(successor([key('EdDSA', 0)], 'EdDSA', 29 * DAY - 0.001)).toBeUndefined()
  })

  test('a new key is made a day before the current one ends and published an hour before use', () => {
    expect(successor([key('EdDSA', 0)], 'EdDSA', 29 * DAY)).toEqual(at(29 * DAY + HOUR))
    expect(successor([key('EdDSA', 0)], 'EdDSA', 30 * DAY - 1)).toEqual(at(30 * DAY - 1 + HOUR))
  })

  test('a second new key is not made while the first is published but not yet signing', () => {
    const keys = [key('EdDSA', 0), key('EdDSA', 29 * DAY + HOUR)]
    expect(successor(keys, 'EdDSA', 29 * DAY + 1)).toBeUndefined()
    expect(successor(keys, 'EdDSA', 30 * DAY)).toBeUndefined()
  })

  test('a key of a newly wanted algorithm is made immediately and published before it signs', () => {
    expect(successor([key('EdDSA', 0)], 'ES256', 5 * DAY)).toEqual(at(5 * DAY + HOUR))
  })

  test('a new key is not needed if the algorithm changes back while its old key still signs', () => {
    const keys = [key('EdDSA', 0), key('ES256', 5 * DAY)]
    expect(successor(keys, 'EdDSA', 6 * DAY)).toBeUndefined()
  })

  test('an instance with a slow clock does not make a second signing key', () => {
    expect(successor([key('EdDSA', 0.003)], 'EdDSA', 0)).toBeUndefined()
  })
})

test('after a restart just before the only key ends, there is always a key that signs', () => {
  const restart = 30 * DAY - 20 * MINUTE
  const signsFrom = successor([key('EdDSA', 0)], 'EdDSA', restart)
  const keys = [key('EdDSA', 0), key('EdDSA', (Number(signsFrom) - Number(at(0))) / 1000, 'next')]
  expect(picked(keys, 'EdDSA', 30 * DAY - 0.001)).toBe('EdDSA 0')
  expect(picked(keys, 'EdDSA', 30 * DAY)).toBe('next')
  expect(picked(keys, 'EdDSA', 30 * DAY + HOUR)).toBe('next')
})
