import { expect, test } from 'vitest'
import { mayBeConfirmed } from '../../src/domain/pending-factor.ts'

const now = new Date('2026-12-01T12:00:00Z')
const after = (seconds: number): Date => new Date(+now + seconds * 1_000)

test('a secret may be confirmed for an hour', () => {
  expect(mayBeConfirmed(after(-3_599), now)).toBe(true)
  expect(mayBeConfirmed(after(-3_600), now)).toBe(false)
})

test('a secret that a clock far ahead made may not be confirmed', () => {
  expect(mayBeConfirmed(after(60), now)).toBe(true)
  expect(mayBeConfirmed(after(61), now)).toBe(false)
})
