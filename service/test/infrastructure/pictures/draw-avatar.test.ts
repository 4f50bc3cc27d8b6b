import sharp from 'sharp'
import { describe, expect, test, vi } from 'vitest'
import { AVATAR_SIZES, COLOURS, DRAWN_LETTERS, type DrawnAvatar } from '../../../src/domain/avatar.ts'
import { BACKGROUNDS, drawAvatar } from '../../../src/infrastructure/pictures/draw-avatar.ts'
import { createDrawnAvatars } from '../../../src/infrastructure/pictures/drawn-avatars.ts'

const WHITE = [255, 255, 255]

const pixelsOf = async (avatar: DrawnAvatar, size: 512 | 128 = 128) => {
  const { data, info } = await sharp(drawAvatar(avatar, size)).raw().toBuffer({ resolveWithObject: true })
  const at = (x: number, y: number) => [...data.subarray((y * size + x) * info.channels).subarray(0, 3)]
  return { info, at, data }
}

describe('a drawn picture', () => {
  test.each(AVATAR_SIZES)('is a PNG that another decoder reads, %d pixels square', async (size) => {
    const png = drawAvatar({ colour: 3, letters: 'AE' }, size)
    expect(await sharp(png, { failOn: 'warning' }).metadata()).toMatchObject({
      format: 'png',
      width: size,
      height: size,
    })
    expect(png.length).toBeLessThan(8 * 1024)
  })

  test('has its colour at the edge and white letters in the middle', async () => {
    for (let colour = 0; colour < COLOURS; colour += 1) {
      const { at } = await pixelsOf({ colour, letters: 'I' })
      expect(at(0, 0)).toEqual(BACKGROUNDS[colour])
      expect(at(127, 127)).toEqual(BACKGROUNDS[colour])
      expect(at(64, 64)).toEqual([255, 255, 255])
    }
    expect(BACKGROUNDS).toHaveLength(COLOURS)
  })

  test('keeps a margin around every letter, and around the widest two', async () => {
    for (const letters of [...Array.from(DRAWN_LETTERS), 'WЩ', 'ЮЮ']) {
      const { at, data } = await pixelsOf({ colour: 0, letters })
      const edges = Array.from({ length: 128 }, (_, n) => [
        at(n, 15),
        at(n, 112),
        at(15, n),
        at(112, n),
      ]).flat()
      expect(new Set(edges.map(String))).toEqual(new Set([String(BACKGROUNDS[0])]))
      expect(data.includes(255)).toBe(true)
    }
  })

  test('is another one for every letter that looks like no other', () => {
    const drawings = Array.from(DRAWN_LETTERS, (letter) =>
      drawAvatar({ colour: 0, letters: letter }, 128).toString('hex'),
    )
    // 14 Greek and 14 Cyrillic capitals look like Latin ones, and three Cyrillic ones like Greek.
    expect(new Set(drawings).size).toBe(DRAWN_LETTERS.length - 14 - 14 - 3)
  })

  test('is drawn the same every time, at both sizes', () => {
    const avatar = { colour: 1, letters: 'Q7' }
    expect(drawAvatar(avatar, 512)).toEqual(drawAvatar(avatar, 512))
    expect(drawAvatar(avatar, 512)).not.toEqual(drawAvatar(avatar, 128))
  })

  test('of a pattern is mirrored', async () => {
    const { at } = await pixelsOf({ colour: 2, pattern: 0b001_010_100_110_011 })
    for (let y = 0; y < 128; y += 1) {
      for (let x = 0; x < 64; x += 1) expect(at(x, y)).toEqual(at(127 - x, y))
    }
    // The first row of fields: two drawn, the one in the middle not.
    expect([at(28, 28), at(44, 28), at(64, 28)]).toEqual([WHITE, WHITE, [...BACKGROUNDS[2]]])
  })

  test('is kept for the next who asks, the last thousand of them', () => {
    const draw = vi.fn(drawAvatar)
    const drawOnce = createDrawnAvatars(draw)
    const first = drawOnce({ colour: 0, pattern: 0 }, 128)
    for (let pattern = 1; pattern < 1000; pattern += 1) drawOnce({ colour: 0, pattern }, 128)
    expect(drawOnce({ colour: 0, pattern: 0 }, 128)).toBe(first)
    expect(draw).toHaveBeenCalledTimes(1000)
    drawOnce({ colour: 0, pattern: 1000 }, 128)
    drawOnce({ colour: 0, pattern: 0 }, 128)
    expect(draw).toHaveBeenCalledTimes(1001)
    drawOnce({ colour: 0, pattern: 1 }, 128)
    expect(draw).toHaveBeenCalledTimes(1002)
  })
})
