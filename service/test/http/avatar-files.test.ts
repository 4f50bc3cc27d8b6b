import { expect, test } from 'vitest'
import { avatarFileOf, parseAvatarFile } from '../../src/interface-adapters/http/avatar-files.ts'
import type { UserId } from '../../src/domain/user.ts'
import { parseUsername } from '../../src/domain/username.ts'
import { aUser } from '../support/builders.ts'

const NAME = 'ab'.repeat(32)

test.each([
  [{ avatar: NAME }, `${NAME}-512.webp`, { name: NAME, size: 512 }],
  [{}, 'letters-0041-6-512.png', { drawn: { letters: 'A', colour: 6 }, size: 512 }],
  [
    { username: parseUsername('жанна_щука') },
    'letters-04160429-6-512.png',
    { drawn: { letters: 'ЖЩ', colour: 6 }, size: 512 },
  ],
  [
    { username: parseUsername('山田太郎'), id: 1 as UserId },
    'pattern-3779-1-512.png',
    { drawn: { pattern: 0x3779, colour: 1 }, size: 512 },
  ],
])('a person is shown with a file whose name says all, %#', (changes, file, parsed) => {
  expect(avatarFileOf(aUser(changes))).toBe(file)
  expect(parseAvatarFile(file)).toEqual(parsed)
  expect(parseAvatarFile(file.replace('-512.', '-128.'))).toEqual({ ...parsed, size: 128 })
})

test.each([
  ...['', '.', '..', 'default.png', '512', `${NAME}-512`, `${NAME}-512.webp.html`, `${NAME}-512.svg`],
  ...[
    `${NAME}-512.png`,
    `${NAME}-64.webp`,
    `${NAME}-0512.webp`,
    `${NAME}.webp`,
    `${NAME.toUpperCase()}-512.webp`,
  ],
  ...[`${NAME.slice(1)}-512.webp`, `${NAME}a-512.webp`, ` ${NAME}-512.webp`, `${NAME}-512.webp\n`],
  ...[
    'letters--6-512.png',
    'letters-004-6-512.png',
    'letters-004100410041-6-512.png',
    'letters-0061-6-512.png',
  ],
  ...['letters-0020-6-512.png', 'letters-003c-6-512.png', 'letters-d83d-6-512.png', 'letters-5c71-6-512.png'],
  ...[
    'letters-0041-12-512.png',
    'letters-0041-06-512.png',
    'letters-0041--1-512.png',
    'letters-0041-6-512.webp',
  ],
  ...['letters-0041-6-1024.png', 'letters-0041-6-512.png/', 'letters-0041-99999999999999999999-512.png'],
  ...['pattern-8000-1-512.png', 'pattern-1-1-512.png', 'pattern-3779-12-512.png', 'pattern-3779-1-512.webp'],
])('no file is called %s', (file) => {
  expect(parseAvatarFile(file)).toBeUndefined()
})
