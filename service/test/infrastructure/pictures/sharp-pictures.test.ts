import { readFileSync, writeFileSync } from 'node:fs'
import sharp from 'sharp'
import { beforeAll, describe, expect, test } from 'vitest'
import { ApplicationError } from '../../../src/application/errors.ts'
import type { Avatar } from '../../../src/domain/avatar.ts'
import { SharpPictures } from '../../../src/infrastructure/pictures/sharp-pictures.ts'
import { hostilePictures, type SentFile } from '../../support/hostile-pictures.ts'

const pictures = new SharpPictures()
const make = (bytes: Uint8Array): Promise<Avatar> => pictures.makeAvatar(() => Promise.resolve(bytes))

async function verdictOn({ bytes }: SentFile): Promise<string> {
  try {
    const { pictures } = await make(bytes)
    for (const size of [512, 128] as const) {
      const { format, width, height, pages } = await sharp(pictures[size]).metadata()
      expect({ format, width, height, pages }).toEqual({
        format: 'webp',
        width: size,
        height: size,
        pages: undefined,
      })
    }
    return 'taken'
  } catch (error) {
    if (!(error instanceof ApplicationError)) throw error
    const [field] = error.details.fields ?? []
    expect(field?.field ?? 'avatar').toBe('avatar')
    expect(field?.message ?? 'Choose another.').toMatch(/^[A-Z].*\.$/)
    return field?.code ?? error.code
  }
}

let files: SentFile[]

beforeAll(async () => {
  files = await hostilePictures()
}, 120_000)

describe('the pictures that users upload', () => {
  let before: number

  beforeAll(() => {
    before = process.memoryUsage.rss()
  })

  test(
    'each uploaded picture is accepted or refused as expected, with bounded memory',
    { tags: ['HTTP-11'], timeout: 120_000 },
    async () => {
      const seen: Record<string, string> = {}
      const grown: Record<string, number> = {}
      for (const file of files) {
        resetPeak()
        seen[file.title] = await verdictOn(file)
        grown[file.title] = peakBytes() - before
      }
      expect(seen).toEqual(Object.fromEntries(files.map(({ title, verdict }) => [title, verdict])))
      expect(files.length).toBeGreaterThan(100)
      // The largest allowed picture takes about 180 MiB. The bombs would take thousands of MiB.
      const tooMuch = Object.entries(grown).filter(([, bytes]) => bytes > 320 * 2 ** 20)
      expect(tooMuch).toEqual([])
    },
  )

  test(
    'uploads beyond the limit are refused, and many uploads take no more memory than a few',
    { tags: ['HTTP-14'], timeout: 120_000 },
    async () => {
      const few = new SharpPictures({ uploads: 8, slots: 1 })
      const largest = files.find(
        ({ title }) => title === 'a turned WebP of 16 megapixels with alpha and a colour profile',
      )
      const bytes = largest?.bytes ?? Buffer.alloc(0)
      resetPeak()
      const calls = Array.from({ length: 20 }, () => few.makeAvatar(() => Promise.resolve(bytes)))
      expect(() => few.requireCapacity()).toThrow(expect.objectContaining({ code: 'overloaded' }) as Error)
      const settled = await Promise.allSettled(calls)
      expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(8)
      const refused = settled.flatMap((each) => (each.status === 'rejected' ? [each.reason as unknown] : []))
      for (const each of refused)
        expect(each).toMatchObject({ code: 'overloaded', details: { retryAfterSeconds: 2 } })
      expect(peakBytes() - before).toBeLessThan(420 * 2 ** 20)
      expect(() => few.requireCapacity()).not.toThrow()
    },
  )
})

test('an upload that breaks off makes room for the next upload', async () => {
  const one = new SharpPictures({ uploads: 1, slots: 1 })
  const broken = one.makeAvatar(() => Promise.reject(new Error('gone')))
  await expect(broken).rejects.toThrow('gone')
  const tiny = await sharp({ create: { width: 2, height: 2, channels: 3, background: '#fff' } })
    .png()
    .toBuffer()
  await expect(one.makeAvatar(() => Promise.resolve(tiny))).resolves.toBeDefined()
})

test('no byte of an upload is read while there is no room for it', async () => {
  const none = new SharpPictures({ uploads: 0, slots: 1 })
  const read = () => Promise.reject(new Error('was read'))
  await expect(none.makeAvatar(read)).rejects.toMatchObject({ code: 'overloaded' })
})

test(
  'no picture decoder other than PNG, JPEG and WebP can be reached in the process',
  { tags: ['HTTP-10'] },
  async () => {
    const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"/>')
    const plain = sharp({ create: { width: 8, height: 8, channels: 3, background: '#fff' } })
    const others = [svg, await plain.clone().gif().toBuffer(), await plain.clone().tiff().toBuffer()]
    for (const other of others)
      await expect(sharp(other).metadata()).rejects.toThrow(/unsupported image format/)
    await expect(sharp('/etc/passwd').metadata()).rejects.toThrow()
    expect(sharp.cache().memory.max).toBe(0)
  },
)

describe('the avatar made from an upload', () => {
  const quarters = async (width = 64, height = 64) => {
    const part = (background: string) =>
      sharp({ create: { width: width / 2, height: height / 2, channels: 3, background } })
        .png()
        .toBuffer()
    const [red, green, blue, white] = await Promise.all(['#f00', '#0f0', '#00f', '#fff'].map(part))
    const places = [red, green, blue, white].map((input, at) => ({
      input: input ?? Buffer.alloc(0),
      left: at % 2 === 0 ? 0 : width / 2,
      top: at < 2 ? 0 : height / 2,
    }))
    return sharp({ create: { width, height, channels: 3, background: '#000' } }).composite(places)
  }
  /** The rough colours in the four corners. */
  const corners = async (picture: Uint8Array): Promise<string> => {
    const { data, info } = await sharp(picture).removeAlpha().raw().toBuffer({ resolveWithObject: true })
    const spots = [64, 448].flatMap((y) => [64, 448].map((x) => (y * info.width + x) * 3))
    return spots
      .map((at) => ['R', 'G', 'B'].filter((_, band) => (data[at + band] ?? 0) > 128).join(''))
      .join(' ')
  }

  test('an avatar is upright, for any EXIF orientation of the upload', async () => {
    const upright = await corners((await make(await (await quarters()).png().toBuffer())).pictures[512])
    expect(upright).toBe('R G B RGB')
    const turned = (orientation: number) => quarters().then((image) => image.withMetadata({ orientation }))
    const jpeg = await (await turned(6)).jpeg({ quality: 100, chromaSubsampling: '4:4:4' }).toBuffer()
    expect(await corners((await make(jpeg)).pictures[512])).toBe('B R RGB G')
    const webp = await (await turned(3)).webp({ lossless: true }).toBuffer()
    expect(await corners((await make(webp)).pictures[512])).toBe('RGB B G R')
  })

  test('an avatar is the square in the middle of a wide or tall upload', async () => {
    const wide = await sharp(await (await quarters()).png().toBuffer())
      .extend({ left: 64, right: 64, background: '#000' })
      .png()
      .toBuffer()
    expect(await corners((await make(wide)).pictures[512])).toBe('R G B RGB')
    const high = await sharp(wide).rotate(90).png().toBuffer()
    expect(await corners((await make(high)).pictures[512])).toBe('B R RGB G')
  })

  test(
    'an avatar has no metadata: no location, no camera, no profile, no text',
    { tags: ['HTTP-12'] },
    async () => {
      const sent = await (
        await quarters()
      )
        .withExif({
          IFD0: { Make: 'SecretCamera', Copyright: 'SecretPerson' },
          IFD3: { GPSLatitudeRef: 'N', GPSLatitude: '51/1 30/1 0/1' },
        })
        .withXmp('<x:xmpmeta xmlns:x="adobe:ns:meta/">SecretXmp</x:xmpmeta>')
        .withIccProfile('p3')
        .jpeg()
        .toBuffer()
      expect((await sharp(sent).metadata()).exif).toBeDefined()
      expect(sent.includes('SecretCamera') && sent.includes('SecretXmp')).toBe(true)
      for (const picture of Object.values<Uint8Array>((await make(sent)).pictures)) {
        const { exif, icc, xmp, iptc, orientation, comments } = await sharp(picture).metadata()
        expect([exif, icc, xmp, iptc, orientation, comments].filter((each) => each !== undefined)).toEqual([])
        expect(Buffer.from(picture).toString('latin1')).not.toMatch(/Secret|EXIF|XMP|ICCP/)
      }
    },
  )

  test(
    'an avatar has only the pixels of the upload, not the scripts or archives in it',
    { tags: ['HTTP-12'] },
    async () => {
      const taken = files.filter(({ verdict }) => verdict === 'taken')
      const doubles = taken.filter(({ title }) => /behind it|in a text|in its comment/.test(title))
      expect(doubles).toHaveLength(6)
      for (const { bytes } of doubles) {
        expect(bytes.toString('latin1')).toMatch(/<script>|<\?php|PK\x03\x04/)
        for (const picture of Object.values<Uint8Array>((await make(bytes)).pictures)) {
          expect(Buffer.from(picture).toString('latin1')).not.toMatch(/<script>|<\?php|<html|PK\x03\x04/i)
        }
      }
    },
  )

  test('an avatar is in sRGB, for any colour space of the upload', async () => {
    const orange = { create: { width: 16, height: 16, channels: 3 as const, background: '#e08040' } }
    const middle = async (bytes: Buffer): Promise<number[]> => {
      const { pictures } = await make(bytes)
      const { data } = await sharp(pictures[128]).removeAlpha().raw().toBuffer({ resolveWithObject: true })
      return [...data.subarray(0, 3)]
    }
    const spellings = await Promise.all([
      sharp(orange).withIccProfile('p3').png().toBuffer(),
      sharp(orange).withIccProfile('p3').jpeg({ quality: 100 }).toBuffer(),
      sharp(orange).toColourspace('rgb16').png().toBuffer(),
      sharp(orange).png({ palette: true }).toBuffer(),
    ])
    for (const file of spellings) {
      const off = (await middle(file)).map((value, band) => Math.abs(value - ([0xe0, 0x80, 0x40][band] ?? 0)))
      expect(Math.max(...off)).toBeLessThan(6)
    }
    const cmyk = await middle(await sharp(orange).toColourspace('cmyk').jpeg({ quality: 100 }).toBuffer())
    expect(cmyk[0]).toBeGreaterThan(cmyk[2] ?? 0)
    const grey = await middle(await sharp(orange).toColourspace('b-w').png().toBuffer())
    expect(Math.max(...grey) - Math.min(...grey)).toBeLessThan(4)
  })

  test('an avatar keeps the transparency of the upload', async () => {
    const clear = {
      create: { width: 16, height: 16, channels: 4 as const, background: { r: 255, g: 0, b: 0, alpha: 0.5 } },
    }
    const { pictures } = await make(await sharp(clear).png({ palette: true }).toBuffer())
    const { data, info } = await sharp(pictures[128]).raw().toBuffer({ resolveWithObject: true })
    expect(info.channels).toBe(4)
    expect(data[3]).toBeGreaterThan(120)
    expect(data[3]).toBeLessThan(136)
  })

  test('the name of an avatar depends only on its pixels', async () => {
    const bytes = await (await quarters()).png().toBuffer()
    const [one, again] = [await make(bytes), await make(Buffer.concat([bytes, Buffer.from('more')]))]
    const other = await make(await (await quarters(32, 64)).png().toBuffer())
    expect(again).toEqual(one)
    expect(one.name).toMatch(/^[0-9a-f]{64}$/)
    expect(other.name).not.toBe(one.name)
  })

  test('an avatar made from noise is still smaller than 256 KiB', async () => {
    const noise = { type: 'gaussian' as const, mean: 128, sigma: 80 }
    const sent = await sharp({ create: { width: 600, height: 600, channels: 3, background: '#000', noise } })
      .png()
      .toBuffer()
    const { pictures } = await make(sent)
    expect(pictures[512].length + pictures[128].length).toBeLessThan(256 * 1024)
  })
})

/** The peak memory of the process since `resetPeak` on Linux, and since its start elsewhere. */
function peakBytes(): number {
  const line =
    process.platform === 'linux' ? /VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8')) : null
  return Number(line?.[1] ?? process.resourceUsage().maxRSS) * 1024
}

function resetPeak(): void {
  // Writing 5 resets VmHWM, see proc_pid_clear_refs(5).
  if (process.platform === 'linux') writeFileSync('/proc/self/clear_refs', '5')
}
