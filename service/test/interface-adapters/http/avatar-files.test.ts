import { expect, test } from 'vitest'
import { DEFAULT_AVATARS } from '../../../src/domain/avatar.ts'
import { avatarFileOf, parseAvatarFile } from '../../../src/interface-adapters/http/avatar-files.ts'
import { aUser } from '../../support/builders.ts'

const NAME = 'ab'.repeat(32)

test('an uploaded picture is in a file named after its content', () => {
  expect(avatarFileOf(aUser({ avatar: NAME }))).toBe(`${NAME}-512.webp`)
  expect(parseAvatarFile(`${NAME}-512.webp`)).toEqual({ name: NAME, size: 512 })
  expect(parseAvatarFile(`${NAME}-128.webp`)).toEqual({ name: NAME, size: 128 })
})

test('a user without a picture is shown with a default picture', () => {
  const file = avatarFileOf(aUser())
  expect(file).toMatch(/^default-\d{1,2}-512\.png$/)
  expect(parseAvatarFile(file)).toEqual({ defaultAvatar: Number(file.split('-')[1]), size: 512 })
})

test('every default picture has a name, and the number after the last one has none', () => {
  for (let picture = 0; picture < DEFAULT_AVATARS; picture += 1) {
    expect(parseAvatarFile(`default-${picture}-128.png`)).toEqual({ defaultAvatar: picture, size: 128 })
  }
  expect(parseAvatarFile(`default-${DEFAULT_AVATARS}-128.png`)).toBeUndefined()
})

test.each([
  ['letters-0041-6-512.png', 34],
  ['letters-04160429-11-512.png', 45],
  ['pattern-3779-1-512.png', 11],
  ['pattern-7fff-0-512.png', 10],
])('the earlier address %s stands for one default picture, in both sizes', (file, picture) => {
  expect(parseAvatarFile(file)).toEqual({ defaultAvatar: picture, size: 512 })
  expect(parseAvatarFile(file.replace('-512.', '-128.'))).toEqual({ defaultAvatar: picture, size: 128 })
})

test('earlier addresses are spread over all default pictures', () => {
  const pictures = Array.from({ length: 2000 }, (_, number) =>
    parseAvatarFile(`pattern-${number.toString(16).padStart(4, '0')}-3-512.png`),
  )
  const numbers = new Set(pictures.map((file) => file && 'defaultAvatar' in file && file.defaultAvatar))
  expect(numbers.size).toBe(DEFAULT_AVATARS)
})

test.each([
  '',
  '../../http',
  '../..',
  'default.png',
  '512',
  'default-05-512.png',
  'default--1-512.png',
  'default-5-64.png',
  'default-5-512.webp',
  'default-5-512.png/',
  'default-5-512.png\n',
  'default-constructor-512.png',
  `${NAME}-512`,
  `${NAME}-512.webp.html`,
  `${NAME}-512.svg`,
  `${NAME}-512.png`,
  `${NAME}-64.webp`,
  `${NAME}-0512.webp`,
  `${NAME}.webp`,
  `${NAME.toUpperCase()}-512.webp`,
  `${NAME.slice(1)}-512.webp`,
  `${NAME}a-512.webp`,
  ` ${NAME}-512.webp`,
  `${NAME}-512.webp\n`,
  'letters--6-512.png',
  'letters-004-6-512.png',
  'letters-004100410041-6-512.png',
  'letters-0041-12-512.png',
  'letters-0041-06-512.png',
  'letters-0041--1-512.png',
  'letters-0041-6-512.webp',
  'letters-0041-6-1024.png',
  'letters-0041-6-512.png/',
  'letters-0041-99999999999999999999-512.png',
  'pattern-8000-1-512.png',
  'pattern-1-1-512.png',
  'pattern-3779-12-512.png',
  'pattern-3779-1-512.webp',
])('the name "%s" never was the address of a picture', (file) => {
  expect(parseAvatarFile(file)).toBeUndefined()
})
