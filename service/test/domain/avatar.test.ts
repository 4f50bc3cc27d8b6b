import { describe, expect, test } from 'vitest'
import { changeAvatar, COLOURS, drawnAvatarOf, PATTERN_BITS } from '../../src/domain/avatar.ts'
import type { UserId } from '../../src/domain/user.ts'
import { parseUsername } from '../../src/domain/username.ts'
import { fakeAvatar } from '../fakes/fake-pictures.ts'
import { aUser } from '../support/builders.ts'

const drawn = (name: string, id = 42) => drawnAvatarOf({ id: id as UserId, username: parseUsername(name) })

describe('the drawing of a person without a picture', () => {
  test.each([
    ['anna', 'A'],
    ['ann_example', 'AE'],
    ['ann.b.example', 'AB'],
    ['Émile-Øre', 'EØ'],
    ['élan', 'E'],
    ['7even', '7'],
    ['a1b2', 'A'],
    ['x-1900', 'X1'],
    ['ωμέγα', 'Ω'],
    ['жанна_щука', 'ЖЩ'],
    ['йога', 'И'],
  ])('%s has the letters %s, if they can be drawn', (name, letters) => {
    const avatar = drawn(name)
    if (letters.includes('Ø')) expect(avatar).toHaveProperty('pattern')
    else expect(avatar).toEqual({ colour: 6, letters })
  })

  test.each(['אבגד', '山田太郎', '김철수님', 'สมชาย', 'नमस्ते', 'محمدعلی', 'ქართული', 'anna_øre'])(
    '%s has a pattern',
    (name) => {
      const avatar = drawn(name)
      expect(avatar).toEqual({ colour: 6, pattern: expect.any(Number) as number })
      const { pattern } = avatar as { pattern: number }
      expect(pattern).toBeGreaterThanOrEqual(0)
      expect(pattern).toBeLessThan(2 ** PATTERN_BITS)
    },
  )

  test('has another colour and another pattern for the next person', () => {
    const avatars = Array.from({ length: 1000 }, (_, id) => drawn('山田太郎', id + 1))
    const patterns = new Set(avatars.map((avatar) => ('pattern' in avatar ? avatar.pattern : -1)))
    expect(patterns.size).toBeGreaterThan(950)
    expect(new Set(avatars.map(({ colour }) => colour)).size).toBe(COLOURS)
  })

  test('exists for every number a person may have', () => {
    for (const id of [1, 2 ** 31, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER]) {
      const { colour, pattern } = drawn('山田太郎', id) as { colour: number; pattern: number }
      expect(Number.isInteger(colour) && colour >= 0 && colour < COLOURS).toBe(true)
      expect(Number.isInteger(pattern) && pattern >= 0 && pattern < 2 ** PATTERN_BITS).toBe(true)
    }
  })

  test('keeps its colour when the name changes', () => {
    expect(drawn('bert')).toEqual({ ...drawn('anna'), letters: 'B' })
  })
})

test('a picture is known by its name, and taken away again leaves the person as before', () => {
  const withPicture = changeAvatar(aUser(), fakeAvatar('a'))
  expect(withPicture).toEqual(aUser({ avatar: fakeAvatar('a').name }))
  expect(changeAvatar(withPicture, undefined)).toEqual(aUser())
})
