import type * as Zlib from 'node:zlib'
import { inflateSync } from 'node:zlib'
import sharp from 'sharp'
import { beforeAll, describe, expect, test, vi } from 'vitest'
import { stripImage } from '../../../src/infrastructure/pictures/strip-image.ts'
import { hostilePictures } from '../../support/hostile-pictures.ts'

vi.mock('node:zlib', async (original) => {
  const zlib = await original<typeof Zlib>()
  return { ...zlib, inflateSync: vi.fn(zlib.inflateSync) }
})

let files: Map<string, Buffer>

beforeAll(async () => {
  files = new Map((await hostilePictures()).map(({ title, bytes }) => [title, bytes]))
}, 120_000)

const file = (title: string): Buffer => {
  const bytes = files.get(title)
  if (bytes === undefined) throw new Error(`there is no file called ${title}`)
  return bytes
}

describe('the file that the decoder gets', () => {
  test.each([
    'a PNG with a page behind it',
    'a PNG with a page in a text',
    'a PNG with a text that unpacks to 300 MiB',
    'a PNG with an international text that unpacks to 300 MiB',
    'a PNG with a colour profile that unpacks to 300 MiB',
    'a PNG with 50,000 texts',
  ])('for %s the decoder gets only the plain picture', (title) => {
    expect(stripImage(file(title)).equals(stripImage(file('a PNG')))).toBe(true)
  })

  test('for a WebP with a page behind it the decoder gets only the picture', () => {
    expect(stripImage(file('a WebP with a page behind it')).equals(file('a WebP'))).toBe(true)
  })

  test('for a PNG the decoder gets only the chunks that its pixels need', () => {
    const chunks = stripImage(file('a PNG with a palette and alpha'))
      .toString('latin1')
      .match(/IHDR|PLTE|tRNS|eXIf|pHYs|IEND/g)
    expect(chunks).toEqual(['IHDR', 'PLTE', 'tRNS', 'IEND'])
  })

  test('a PNG with 2,000 colour profiles is refused, and none of them is unpacked', () => {
    vi.mocked(inflateSync).mockClear()
    expect(() => stripImage(file('a PNG with 2,000 colour profiles'))).toThrow(
      expect.objectContaining({ code: 'validation_failed' }) as Error,
    )
    expect(inflateSync).not.toHaveBeenCalled()
  })

  test.each([
    'a PNG with an empty text between any two IDAT',
    'a JPEG with a comment between any two empty tables',
    'a JPEG with as many comments as fit',
    'a WebP with as many unknown chunks as fit',
  ])('%s is refused before the decoder gets it', { tags: ['HTTP-23'] }, (title) => {
    expect(() => stripImage(file(title))).toThrow(
      expect.objectContaining({ code: 'validation_failed' }) as Error,
    )
  })

  test('the colour profile of a PNG is unpacked once and kept', async () => {
    vi.mocked(inflateSync).mockClear()
    const orange = sharp({ create: { width: 8, height: 8, channels: 3, background: '#e08040' } })
    const stripped = stripImage(await orange.withIccProfile('p3').png().toBuffer())
    expect(stripped.includes('iCCP')).toBe(true)
    expect(inflateSync).toHaveBeenCalledTimes(1)
  })

  test.each(['a PNG with EXIF that refers to itself', 'a JPEG with EXIF that refers to itself'])(
    'for %s the decoder gets the orientation and no other EXIF',
    async (title) => {
      const stripped = stripImage(file(title))
      const { orientation, exif } = await sharp(stripped).metadata()
      expect(orientation).toBe(6)
      expect(exif?.length).toBeLessThan(40)
      expect(stripped.includes(Buffer.from('87690004', 'hex'))).toBe(false)
    },
  )

  test('for a WebP with EXIF and XMP the decoder gets only the orientation', async () => {
    const sent = await sharp({ create: { width: 8, height: 8, channels: 3, background: '#e08040' } })
      .withMetadata({ orientation: 3 })
      .withExifMerge({ IFD0: { Copyright: 'SecretUser' } })
      .withXmp('<x:xmpmeta xmlns:x="adobe:ns:meta/">SecretXmp</x:xmpmeta>')
      .webp()
      .toBuffer()
    expect(sent.includes('SecretXmp') && sent.includes('SecretUser')).toBe(true)
    const stripped = stripImage(sent)
    const { orientation, exif, xmp } = await sharp(stripped, { failOn: 'warning' }).metadata()
    expect([orientation, exif?.length, xmp]).toEqual([3, expect.any(Number), undefined])
    expect(stripped.includes('Secret')).toBe(false)
  })

  test('for an upright picture the decoder gets no EXIF at all', () => {
    expect(stripImage(file('a PNG with eXIf')).equals(stripImage(file('a PNG')))).toBe(true)
    expect(stripImage(file('a JPEG with a broken EXIF')).equals(file('a JPEG'))).toBe(true)
  })

  test.each(['a JPEG', 'a CMYK JPEG', 'a WebP', 'a lossless WebP'])(
    'for %s without metadata the decoder gets the whole file',
    (title) => {
      expect(stripImage(file(title)).equals(file(title))).toBe(true)
    },
  )
})
