import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { weaknessOf } from '../../../src/infrastructure/settings/secret-strength.ts'

describe('the strength of a secret', { tags: ['OPS-2'] }, () => {
  test.each([
    'password1234'.repeat(3),
    'Spring2025!'.repeat(3),
    'correcthorsebatterystaple'.repeat(2),
    'password1password2password3password4',
    'my-secret-key-1 my-secret-key-2 my-secret-key-3',
    'dragonmonkeydragonmonkeydragonmonkey',
  ])('%s repeats itself', (secret) => {
    expect(weaknessOf(secret)).toBe('repeats itself')
  })

  test.each([
    'abcdefghijklmnopqrstuvwxyz012345',
    'ABCDEFGHIJKLMNOPQRSTUVWXYZ012345',
    'zyxwvutsrqponmlkjihgfedcba987654',
    'qwertyuiopasdfghjklzxcvbnm1234567890',
    'azertyuiopqsdfghjklm0123456789AZ',
    '0123456789abcdefghijklmnopqrstuv',
    'mnbvcxzlkjhgfdsapoiuytrewq0987654321',
  ])('%s follows the alphabet or the keyboard', (secret) => {
    expect(weaknessOf(secret)).toBe('follows the alphabet or the keyboard')
  })

  test('random secrets of every form are accepted', () => {
    const refused = Array.from({ length: 2_000 }, (_, seed) => {
      const bytes = createHash('sha256').update(String(seed)).digest()
      const hex = bytes.toString('hex')
      const digits = [...bytes].map((byte) => byte % 10).join('')
      return [
        bytes.toString('base64'),
        bytes.toString('base64url').slice(0, 32),
        hex,
        hex.slice(0, 32),
        digits,
      ]
    })
      .flat()
      .filter((secret) => new Set(secret).size >= 10 && weaknessOf(secret) !== undefined)
    expect(refused).toEqual([])
  })
})
