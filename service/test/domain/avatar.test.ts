import { expect, test } from 'vitest'
import { changeAvatar, DEFAULT_AVATARS, defaultAvatarOf } from '../../src/domain/avatar.ts'
import type { UserId } from '../../src/domain/user.ts'
import { fakeAvatar } from '../fakes/fake-pictures.ts'
import { aUser } from '../support/builders.ts'

const defaultOf = (id: number): number => defaultAvatarOf({ id: id as UserId })

test('users who register one after the other get all default pictures about equally often', () => {
  const counts = new Map<number, number>()
  for (let id = 1; id <= 4800; id += 1) counts.set(defaultOf(id), (counts.get(defaultOf(id)) ?? 0) + 1)
  expect(counts.size).toBe(DEFAULT_AVATARS)
  expect(Math.min(...counts.values())).toBeGreaterThan(50)
  expect(Math.max(...counts.values())).toBeLessThan(150)
})

test('every possible user id has a default picture', () => {
  for (const id of [1, 2 ** 31, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER]) {
    const picture = defaultOf(id)
    expect(Number.isInteger(picture) && picture >= 0 && picture < DEFAULT_AVATARS).toBe(true)
  }
})

test('a user keeps the name of an uploaded picture until it is removed', () => {
  const withPicture = changeAvatar(aUser(), fakeAvatar('a'))
  expect(withPicture).toEqual(aUser({ avatar: fakeAvatar('a').name }))
  expect(changeAvatar(withPicture, undefined)).toEqual(aUser())
})
