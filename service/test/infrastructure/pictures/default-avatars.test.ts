import { createHash } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import sharp from 'sharp'
import { expect, test } from 'vitest'
import { AVATAR_SIZES, DEFAULT_AVATARS } from '../../../src/domain/avatar.ts'
import { loadDefaultAvatars } from '../../../src/infrastructure/pictures/default-avatars.ts'

const everyPicture = Array.from({ length: DEFAULT_AVATARS }, (_, picture) => picture)

test('every default picture is a small square PNG in each size, and all files differ', async () => {
  const defaultAvatar = await loadDefaultAvatars()
  const contents = new Set<string>()
  for (const picture of everyPicture) {
    for (const size of AVATAR_SIZES) {
      const bytes = defaultAvatar(picture, size)
      const { format, width, height } = await sharp(bytes, { failOn: 'warning' }).metadata()
      expect({ format, width, height }).toEqual({ format: 'png', width: size, height: size })
      expect(bytes.length).toBeLessThan(12 * 1024)
      contents.add(createHash('sha256').update(bytes).digest('hex'))
    }
  }
  expect(contents.size).toBe(DEFAULT_AVATARS * AVATAR_SIZES.length)
})

test('a default picture is served from the same memory every time', async () => {
  const defaultAvatar = await loadDefaultAvatars()
  expect(defaultAvatar(7, 128)).toBe(defaultAvatar(7, 128))
})

test('the folder of default pictures holds no other file', async () => {
  const files = await readdir(new URL('../../../assets/avatars/', import.meta.url))
  expect(files).toHaveLength(DEFAULT_AVATARS * AVATAR_SIZES.length)
})

test('asking for a default picture that does not exist throws a RangeError', async () => {
  const defaultAvatar = await loadDefaultAvatars()
  expect(() => defaultAvatar(DEFAULT_AVATARS, 512)).toThrow(RangeError)
})
