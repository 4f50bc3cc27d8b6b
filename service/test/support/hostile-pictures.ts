// Good and bad files that users might upload as a picture.
import { deflateSync, gzipSync } from 'node:zlib'
import sharp from 'sharp'
import { crowdedPictures } from './crowded-pictures.ts'
import {
  afterStart,
  blank,
  chunk,
  extended,
  header,
  KIB,
  MIB,
  photo,
  png,
  PNG_SIGNATURE,
  riff,
  segment,
  webpChunk,
  zeros,
} from './picture-files.ts'

type Verdict =
  'taken' | 'picture_too_large' | 'unsupported_picture' | 'broken' | 'animated' | 'too_many_pixels'

export interface SentFile {
  readonly title: string
  readonly bytes: Buffer<ArrayBuffer>
  readonly verdict: Verdict
}

/** The header of a lossless WebP: width and height, each minus one, in 14 bits. */
function lossless(width: number, height: number): Buffer {
  const data = Buffer.from([0x2f, 0, 0, 0, 0])
  data.writeUInt32LE((width - 1) | ((height - 1) << 14), 1)
  return data
}

/** The offset of the frame header (SOF) of a JPEG. */
const frameHeader = (jpeg: Buffer): number =>
  jpeg.findIndex((byte, at) => byte === 0xff && [0xc0, 0xc1, 0xc2].includes(jpeg[at + 1] ?? 0))

const claiming = (jpeg: Buffer, width: number, height: number): Buffer => {
  const altered = Buffer.from(jpeg)
  const at = frameHeader(altered)
  altered.writeUInt16BE(height, at + 5)
  altered.writeUInt16BE(width, at + 7)
  return altered
}

/** A JPEG that repeats each scan a thousand times: it is small, but takes long to decode. */
function scanBomb(progressive: Buffer): Buffer {
  const last = progressive.lastIndexOf(Buffer.from([0xff, 0xda]))
  const scan = progressive.subarray(last, -2)
  const times = Math.floor((1.9 * MIB) / scan.length)
  return Buffer.concat([
    progressive.subarray(0, -2),
    ...Array<Buffer>(times).fill(scan),
    progressive.subarray(-2),
  ])
}

const SCRIPT = '<script>alert(document.domain)</script>'
const SVG = `<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64">${SCRIPT}<rect width="64" height="64"/></svg>`
const XXE = `<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>
  <svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"><text>&x;</text></svg>`
const LAUGHS = `<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY a "${'ha'.repeat(1000)}"><!ENTITY b "${'&a;'.repeat(1000)}">]><svg>${'&b;'.repeat(1000)}</svg>`
const ZIP = Buffer.concat([
  Buffer.from('PK\x03\x04', 'latin1'),
  Buffer.alloc(200, 7),
  Buffer.from('PK\x05\x06', 'latin1'),
  Buffer.alloc(18),
])
const PHP = '<?php system($_GET["c"]); ?>'

/** All files, created anew on each call. */
export async function hostilePictures(): Promise<SentFile[]> {
  const [jpeg, plainPng, webp] = await Promise.all([
    photo().jpeg().toBuffer(),
    photo().png().toBuffer(),
    photo().webp().toBuffer(),
  ])
  const groups: Row[] = [
    ...(await ordinary(jpeg, plainPng, webp)),
    ...bombs(jpeg, webp),
    ...(await heavy()),
    ...truncated({ jpeg, png: plainPng, webp }),
    ...(await animations(plainPng)),
    ...(await otherFormats()),
    ...polyglots(jpeg, plainPng, webp),
    ...damaged(jpeg, plainPng, webp),
    ...texts(plainPng, jpeg),
    ...crowdedPictures(jpeg, plainPng, webp),
  ]
  return groups.map(([title, bytes, verdict]) => ({ title, bytes: Buffer.from(bytes), verdict }))
}

type Row = readonly [title: string, bytes: Buffer | string, verdict: Verdict]

const ordinary = async (jpeg: Buffer, plainPng: Buffer, webp: Buffer): Promise<Row[]> => [
  ['a JPEG', jpeg, 'taken'],
  ['a PNG', plainPng, 'taken'],
  ['a WebP', webp, 'taken'],
  ['a lossless WebP', await photo().webp({ lossless: true }).toBuffer(), 'taken'],
  ['a progressive JPEG', await photo().jpeg({ progressive: true }).toBuffer(), 'taken'],
  ['an interlaced PNG', await photo().png({ progressive: true }).toBuffer(), 'taken'],
  ['a CMYK JPEG', await photo().toColourspace('cmyk').jpeg().toBuffer(), 'taken'],
  ['a grey JPEG', await photo().toColourspace('b-w').jpeg().toBuffer(), 'taken'],
  ['a PNG of 16 bits', await photo().toColourspace('rgb16').png().toBuffer(), 'taken'],
  [
    'a PNG with a palette and alpha',
    await photo().ensureAlpha(0.5).png({ palette: true }).toBuffer(),
    'taken',
  ],
  ['a grey PNG of one bit', png({ width: 16, height: 16, depth: 1, colourType: 0 }, zeros(16 * 3)), 'taken'],
  ['one pixel', png({ width: 1, height: 1 }, blank(1, 1, 3)), 'taken'],
  [
    'a PNG with eXIf',
    Buffer.concat([plainPng.subarray(0, 33), chunk('eXIf', 'MM\0*\0\0\0\x08\0\0'), plainPng.subarray(33)]),
    'taken',
  ],
  ['a WebP of 8192 x 1', await photo(8192, 1).webp().toBuffer(), 'taken'],
]

const bombs = (jpeg: Buffer, webp: Buffer): Row[] => [
  [
    'a PNG that claims 50,000 x 50,000',
    png({ width: 50_000, height: 50_000 }, zeros(MIB)),
    'too_many_pixels',
  ],
  [
    'a PNG that claims 2^31 - 1 pixels each way',
    png({ width: 2 ** 31 - 1, height: 2 ** 31 - 1 }, zeros(KIB)),
    'broken',
  ],
  ['a PNG of 1 x 100,000', png({ width: 1, height: 100_000 }, blank(1, 100_000, 3)), 'too_many_pixels'],
  ['a PNG of 100,000 x 1', png({ width: 100_000, height: 1 }, blank(100_000, 1, 3)), 'too_many_pixels'],
  ['a PNG of 0 x 0', png({ width: 0, height: 0 }, zeros(1)), 'broken'],
  [
    'a PNG of one row more than 16 megapixels',
    png({ width: 4096, height: 4097 }, zeros(KIB)),
    'too_many_pixels',
  ],
  [
    'an interlaced PNG that claims 30,000 x 30,000 of 16 bits',
    png({ width: 30_000, height: 30_000, depth: 16, colourType: 6, interlaced: true }, zeros(MIB)),
    'too_many_pixels',
  ],
  ['a JPEG that claims 60,000 x 60,000', claiming(jpeg, 60_000, 60_000), 'too_many_pixels'],
  ['a JPEG that claims 65,535 x 65,535', claiming(jpeg, 65_535, 65_535), 'broken'],
  ['a JPEG that claims 8,192 x 2,049', claiming(jpeg, 8192, 2049), 'too_many_pixels'],
  ['a JPEG of 0 x 0', claiming(jpeg, 0, 0), 'broken'],
  ['a JPEG that claims more rows than it has', claiming(jpeg, 4096, 4096), 'broken'],
  [
    'a WebP that claims 16,383 x 16,383',
    riff(webpChunk('VP8L', Buffer.concat([lossless(16_383, 16_383), Buffer.alloc(KIB)]))),
    'too_many_pixels',
  ],
  [
    'a WebP whose canvas claims 2^24 x 2^24',
    riff(extended(0, 2 ** 24, 2 ** 24), webp.subarray(12)),
    'broken',
  ],
  ['a WebP whose canvas claims more than it has', riff(extended(0, 4096, 4096), webp.subarray(12)), 'broken'],
  ['a PNG whose 100 pixels unpack to 400 MiB', png({ width: 10, height: 10 }, zeros(400 * MIB)), 'taken'],
]

/** The largest pictures within the limits, which the service decodes, and some just beyond. */
const heavy = async (): Promise<Row[]> => [
  [
    'a PNG of 8 megapixels with alpha',
    png({ width: 4096, height: 2048, colourType: 6 }, blank(4096, 2048, 4)),
    'taken',
  ],
  [
    'a PNG of 8 megapixels with alpha, whose rows are hard to unpack',
    png({ width: 4096, height: 2048, colourType: 6 }, filtered(4096, 2048, 4)),
    'taken',
  ],
  [
    'a PNG of 8 megapixels with alpha and a colour profile',
    await sharp({ create: { width: 4096, height: 2048, channels: 4, background: '#e08040' } })
      .withIccProfile('p3')
      .png()
      .toBuffer(),
    'taken',
  ],
  [
    'a PNG of 16 megapixels in grey',
    png({ width: 4096, height: 4096, colourType: 0 }, blank(4096, 4096, 1)),
    'taken',
  ],
  [
    'a PNG of 16 megapixels with alpha',
    png({ width: 4096, height: 4096, colourType: 6 }, zeros(KIB)),
    'too_many_pixels',
  ],
  [
    'a PNG of 2 megapixels of 16 bits',
    png({ width: 2048, height: 1024, depth: 16, colourType: 6 }, filtered(2048, 1024, 8)),
    'taken',
  ],
  [
    'a PNG of 16 megapixels of 16 bits',
    png({ width: 4096, height: 4096, depth: 16, colourType: 6 }, zeros(KIB)),
    'too_many_pixels',
  ],
  ['an interlaced PNG of 4 megapixels', await interlaced(2048, 2048), 'taken'],
  [
    'an interlaced PNG of 16 megapixels',
    png({ width: 4096, height: 4096, colourType: 6, interlaced: true }, zeros(KIB)),
    'too_many_pixels',
  ],
  ['an interlaced PNG of a megapixel of 16 bits', await interlaced(1024, 1024, 'rgb16'), 'taken'],
  [
    'an interlaced PNG of 16 megapixels of 16 bits',
    png({ width: 4096, height: 4096, depth: 16, colourType: 6, interlaced: true }, zeros(KIB)),
    'too_many_pixels',
  ],
  ['a JPEG of 16 megapixels', await plain(4096, 4096).jpeg().toBuffer(), 'taken'],
  [
    'a progressive JPEG of 16 megapixels',
    await plain(4096, 4096).jpeg({ progressive: true }).toBuffer(),
    'taken',
  ],
  [
    'a turned JPEG of 16 megapixels',
    await plain(8192, 2048).withMetadata({ orientation: 6 }).jpeg().toBuffer(),
    'taken',
  ],
  [
    'a turned WebP of 16 megapixels with alpha and a colour profile',
    await sharp({
      create: { width: 4096, height: 4096, channels: 4, background: { r: 1, g: 2, b: 3, alpha: 0.4 } },
    })
      .withIccProfile('p3')
      .withExif({ IFD0: { Orientation: '6' } })
      .webp({ effort: 0 })
      .toBuffer(),
    'taken',
  ],
  ['a WebP of 16 megapixels', await plain(4096, 4096).webp().toBuffer(), 'taken'],
  [
    'a lossless WebP of 16 megapixels',
    await plain(4096, 4096).webp({ lossless: true, effort: 0 }).toBuffer(),
    'taken',
  ],
  [
    'a progressive JPEG with more scans than anybody needs',
    scanBomb(await plain(4096, 4096).jpeg({ progressive: true }).toBuffer()),
    'broken',
  ],
]

const interlaced = (width: number, height: number, space = 'srgb'): Promise<Buffer> =>
  sharp({ create: { width, height, channels: 4, background: '#123' } })
    .toColourspace(space)
    .png({ progressive: true, compressionLevel: 6 })
    .toBuffer()

/** Rows of the filter that takes a decoder longest, Paeth. */
function filtered(width: number, height: number, bytesPerPixel: number): Buffer {
  const row = Buffer.alloc(1 + width * bytesPerPixel, 1)
  row[0] = 4
  return deflateSync(Buffer.concat(Array<Buffer>(height).fill(row)))
}

const plain = (width: number, height: number) =>
  sharp({ create: { width, height, channels: 3, background: '#336699' } })

/** Each format, truncated at several points given in thousandths of its length. */
const truncated = (whole: Record<string, Buffer>): Row[] =>
  Object.entries(whole).flatMap(([format, bytes]) =>
    [20, 100, 300, 500, 900, 990, 999].map(
      (part) =>
        [
          `a ${format} cut off after ${part / 10} %`,
          bytes.subarray(0, Math.floor((bytes.length * part) / 1000)),
          'broken',
        ] as const,
    ),
  )

async function animations(plainPng: Buffer): Promise<Row[]> {
  const frames = await Promise.all(
    ['#f00', '#0f0'].map((background) =>
      sharp({ create: { width: 32, height: 32, channels: 3, background } })
        .png()
        .toBuffer(),
    ),
  )
  const animation = sharp(frames, { join: { animated: true } })
  const control = Buffer.alloc(8)
  control.writeUInt32BE(2)
  const still = await photo(32, 32).webp().toBuffer()
  return [
    ['an animated WebP', await animation.clone().webp().toBuffer(), 'animated'],
    [
      'a WebP with one frame of an animation',
      riff(
        extended(2, 32, 32),
        webpChunk('ANIM', Buffer.alloc(6)),
        webpChunk('ANMF', Buffer.concat([Buffer.alloc(16), still.subarray(12)])),
      ),
      'animated',
    ],
    [
      'an animated PNG',
      Buffer.concat([plainPng.subarray(0, 33), chunk('acTL', control), plainPng.subarray(33)]),
      'animated',
    ],
    ['an animated GIF', await animation.clone().gif().toBuffer(), 'unsupported_picture'],
  ]
}

const otherFormats = async (): Promise<Row[]> => [
  ['nothing', '', 'unsupported_picture'],
  ['one byte', 'x', 'unsupported_picture'],
  ['the signature of a PNG alone', PNG_SIGNATURE, 'broken'],
  ['the start of a JPEG alone', Buffer.from([0xff, 0xd8, 0xff]), 'broken'],
  ['the start of a WebP alone', 'RIFF\0\0\0\0WEBP', 'broken'],
  ['an SVG with a script', SVG, 'unsupported_picture'],
  ['an SVG with an external entity', XXE, 'unsupported_picture'],
  ['an SVG with a billion laughs', LAUGHS, 'unsupported_picture'],
  ['a compressed SVG', gzipSync(SVG), 'unsupported_picture'],
  ['an HTML page', `<!doctype html>${SCRIPT}`, 'unsupported_picture'],
  ['a GIF', await photo().gif().toBuffer(), 'unsupported_picture'],
  ['a TIFF', await photo().tiff().toBuffer(), 'unsupported_picture'],
  ['an AVIF', await photo(64, 64).avif({ effort: 0 }).toBuffer(), 'unsupported_picture'],
  [
    'the header of a HEIC',
    Buffer.concat([Buffer.from('\0\0\0\x18ftypheic\0\0\0\0mif1heic', 'latin1'), Buffer.alloc(500)]),
    'unsupported_picture',
  ],
  ['a PDF', '%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF', 'unsupported_picture'],
  ['an icon', Buffer.from('00000100010010100000010020006804000016000000', 'hex'), 'unsupported_picture'],
  ['a BMP', Buffer.concat([Buffer.from('BM'), Buffer.alloc(200)]), 'unsupported_picture'],
  ['a JPEG XL', Buffer.from('0000000c4a584c200d0a870a', 'hex'), 'unsupported_picture'],
  ['a JPEG 2000', Buffer.from('0000000c6a5020200d0a870a', 'hex'), 'unsupported_picture'],
  ['a PPM', `P6 2 2 255\n${'x'.repeat(12)}`, 'unsupported_picture'],
  ['a wave file', 'RIFF\x24\0\0\0WAVEfmt ', 'unsupported_picture'],
  ['a zip', ZIP, 'unsupported_picture'],
  [
    'an executable',
    Buffer.concat([Buffer.from('\x7fELF', 'latin1'), Buffer.alloc(500)]),
    'unsupported_picture',
  ],
  [
    'random bytes',
    Buffer.from(Array.from({ length: 4096 }, (_, at) => (at * 7919 + 104_729) % 251)),
    'unsupported_picture',
  ],
  ['2 MiB and a byte', Buffer.alloc(2 * MIB + 1, 0xff), 'picture_too_large'],
  ['2 MiB of nothing', Buffer.alloc(2 * MIB), 'unsupported_picture'],
]

/** Files that are valid in two formats. Only the picture is left after processing. */
const polyglots = (jpeg: Buffer, plainPng: Buffer, webp: Buffer): Row[] => [
  ['a PNG with a page behind it', Buffer.concat([plainPng, Buffer.from(`<html>${SCRIPT}</html>`)]), 'taken'],
  [
    'a PNG with a page in a text',
    Buffer.concat([
      plainPng.subarray(0, 33),
      chunk('tEXt', `Comment\0<html>${SCRIPT}`),
      plainPng.subarray(33),
    ]),
    'taken',
  ],
  ['a JPEG with PHP in its comment', afterStart(jpeg, segment(0xfe, Buffer.from(PHP))), 'taken'],
  ['a JPEG with PHP behind it', Buffer.concat([jpeg, Buffer.from(PHP)]), 'taken'],
  ['a JPEG with a zip behind it', Buffer.concat([jpeg, ZIP]), 'taken'],
  ['a WebP with a page behind it', Buffer.concat([webp, Buffer.from(`<html>${SCRIPT}</html>`)]), 'taken'],
  [
    'a page with a PNG behind it',
    Buffer.concat([Buffer.from(`<html>${SCRIPT}</html>`), plainPng]),
    'unsupported_picture',
  ],
  ['a GIF that is JavaScript', `GIF89a/*${'\0'.repeat(50)}*/=1;alert(1)`, 'unsupported_picture'],
]

function damaged(jpeg: Buffer, plainPng: Buffer, webp: Buffer): Row[] {
  const flipped = (bytes: Buffer, at: number): Buffer => {
    const altered = Buffer.from(bytes)
    altered[at] = (altered[at] ?? 0) ^ 0x55
    return altered
  }
  const middle = (bytes: Buffer): number => Math.floor(bytes.length / 2)
  const holed = Buffer.from(jpeg).fill(0xff, middle(jpeg), middle(jpeg) + 64)
  return [
    ['a PNG with a wrong checksum', flipped(plainPng, 30), 'broken'],
    ['a PNG with an altered byte', flipped(plainPng, middle(plainPng)), 'broken'],
    [
      'a PNG without pixels',
      Buffer.concat([PNG_SIGNATURE, header({ width: 8, height: 8 }), chunk('IEND')]),
      'broken',
    ],
    [
      'a PNG that begins with pixels',
      Buffer.concat([PNG_SIGNATURE, chunk('IDAT', zeros(64)), chunk('IEND')]),
      'broken',
    ],
    ['a PNG whose pixels are not deflated', png({ width: 8, height: 8 }, Buffer.alloc(300, 1)), 'broken'],
    ['a PNG with half of its pixels', png({ width: 64, height: 64 }, blank(64, 32, 3)), 'broken'],
    [
      'a PNG of a kind there is not',
      png({ width: 8, height: 8, depth: 3, colourType: 5 }, blank(8, 8, 3)),
      'broken',
    ],
    [
      'a PNG with a chunk of 4 GiB',
      Buffer.concat([plainPng.subarray(0, 33), Buffer.from('fffffff0', 'hex'), plainPng.subarray(37)]),
      'broken',
    ],
    [
      'a PNG with a palette of no colours',
      png({ width: 8, height: 8, colourType: 3 }, blank(8, 8, 1)),
      'broken',
    ],
    ['a JPEG with a hole', holed, 'broken'],
    [
      'a JPEG with only headers',
      Buffer.concat([jpeg.subarray(0, jpeg.indexOf(Buffer.from([0xff, 0xda]))), Buffer.from([0xff, 0xd9])]),
      'broken',
    ],
    ['a WebP without a picture', riff(extended(0, 64, 64)), 'broken'],
    ['a WebP with an altered header', flipped(webp, 24), 'broken'],
  ]
}

/** An EXIF directory with orientation 6 and 500 entries that point back to the same directory. */
function selfReferringExif(): Buffer {
  const references = Array.from({ length: 500 }, (_, entry) =>
    Buffer.from(`${['8769', '8825', 'a005'][entry % 3]}00040000000100000008`, 'hex'),
  )
  const [head, orientation] = ['4d4d002a0000000801f5', '011200030000000100060000']
  return Buffer.concat([
    Buffer.from(head + orientation, 'hex'),
    ...references,
    Buffer.from('00000008', 'hex'),
  ])
}

/** Pictures with metadata. */
function texts(plainPng: Buffer, jpeg: Buffer): Row[] {
  const withChunks = (...extra: Buffer[]): Buffer =>
    Buffer.concat([plainPng.subarray(0, 33), ...extra, plainPng.subarray(33)])
  const bomb = zeros(300 * MIB)
  const compressed = (name: string): Buffer => Buffer.concat([Buffer.from(`${name}\0\0`), bomb])
  return [
    ['a PNG with a text that unpacks to 300 MiB', withChunks(chunk('zTXt', compressed('Comment'))), 'taken'],
    [
      'a PNG with an international text that unpacks to 300 MiB',
      withChunks(chunk('iTXt', Buffer.concat([Buffer.from('XML:com.adobe.xmp\0\x01\0\0\0'), bomb]))),
      'taken',
    ],
    [
      'a PNG with a colour profile that unpacks to 300 MiB',
      withChunks(chunk('iCCP', compressed('icc'))),
      'taken',
    ],
    [
      'a PNG with 2,000 colour profiles',
      withChunks(
        ...Array<Buffer>(2000).fill(chunk('iCCP', Buffer.concat([Buffer.from('icc\0\0'), zeros(900 * KIB)]))),
      ),
      'broken',
    ],
    ['a PNG with two transparencies', withChunks(chunk('tRNS', '\0\0'), chunk('tRNS', '\0\0')), 'broken'],
    ['a PNG with EXIF that refers to itself', withChunks(chunk('eXIf', selfReferringExif())), 'taken'],
    [
      'a JPEG with EXIF that refers to itself',
      afterStart(jpeg, segment(0xe1, Buffer.concat([Buffer.from('Exif\0\0'), selfReferringExif()]))),
      'taken',
    ],
    [
      'a JPEG with 100,000 profile segments',
      afterStart(jpeg, ...Array<Buffer>(100_000).fill(segment(0xe2, Buffer.alloc(0)))),
      'broken',
    ],
    ['a PNG with 50,000 texts', withChunks(...Array<Buffer>(50_000).fill(chunk('tEXt', 'a\0b'))), 'taken'],
    [
      'a JPEG with a broken EXIF',
      afterStart(
        jpeg,
        segment(
          0xe1,
          Buffer.concat([Buffer.from('Exif\0\0MM\0*\xff\xff\xff\xff', 'latin1'), Buffer.alloc(100, 0xff)]),
        ),
      ),
      'taken',
    ],
    [
      'a JPEG with a broken colour profile',
      afterStart(
        jpeg,
        segment(
          0xe2,
          Buffer.concat([Buffer.from('ICC_PROFILE\0\x01\x01', 'latin1'), Buffer.alloc(500, 0xaa)]),
        ),
      ),
      'taken',
    ],
    [
      'a JPEG with 30 segments of 64 KiB',
      afterStart(jpeg, ...Array<Buffer>(30).fill(segment(0xe5, Buffer.alloc(65_000)))),
      'taken',
    ],
  ]
}
