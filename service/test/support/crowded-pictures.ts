// Pictures of up to 2 MiB that consist of as many parts as fit. A reader of their structure has the most work with these.
import { deflateSync } from 'node:zlib'
import { afterStart, chunk, extended, MIB, riff, segment, webpChunk } from './picture-files.ts'

type Row = readonly [title: string, bytes: Buffer, verdict: 'taken' | 'broken' | 'animated']

/** Smaller than 2 MiB, with room for the picture itself. */
const FULL = 1.75 * MIB

/** The parts again and again, until the file is full. */
const full = (...parts: Buffer[]): Buffer => {
  const once = Buffer.concat(parts)
  return Buffer.alloc(Math.floor(FULL / once.length) * once.length, once)
}
const empty = Buffer.alloc(0)

/** Each is built from a plain picture of its format. */
export const crowdedPictures = (jpeg: Buffer, png: Buffer, webp: Buffer): Row[] => [
  ...crowdedPngs(png),
  ...crowdedJpegs(jpeg),
  ...crowdedWebps(webp),
]

function crowdedPngs(png: Buffer): Row[] {
  const withChunks = (...chunks: Buffer[]) =>
    Buffer.concat([png.subarray(0, 33), ...chunks, png.subarray(33)])
  const pixels = png.indexOf('IDAT') - 4
  const beforePixels = (chunks: Buffer) =>
    Buffer.concat([png.subarray(0, pixels), chunks, png.subarray(pixels)])
  const unpacked = deflateSync(Buffer.alloc(MIB), { level: 9 })
  const compressed = (name: string, head: string) =>
    withChunks(full(chunk(name, Buffer.concat([Buffer.from(head), unpacked]))))
  return [
    ['a PNG with as many empty chunks as fit', withChunks(full(chunk('aaAa'))), 'taken'],
    ['a PNG with as many empty IDAT chunks as fit', beforePixels(full(chunk('IDAT'))), 'taken'],
    [
      'a PNG with an empty text between any two IDAT',
      beforePixels(full(chunk('IDAT'), chunk('tEXt'))),
      'broken',
    ],
    ['a PNG with as many zTXt of 1 MiB as fit', compressed('zTXt', 'C\0\0'), 'taken'],
    ['a PNG with as many iTXt of 1 MiB as fit', compressed('iTXt', 'C\0\x01\0\0\0'), 'taken'],
    ['a PNG with as many iCCP of 1 MiB as fit', compressed('iCCP', 'C\0\0'), 'broken'],
    ...['sPLT', 'hIST', 'pHYs', 'sBIT', 'bKGD', 'tIME', 'oFFs', 'cICP'].map(
      (name) =>
        [`a PNG with as many ${name} as fit`, withChunks(full(chunk(name, '\0\0'))), 'taken'] as const,
    ),
    ...['gAMA', 'cHRM', 'sRGB', 'eXIf', 'tRNS'].map(
      (name) =>
        [`a PNG with as many ${name} as fit`, withChunks(full(chunk(name, '\0\0'))), 'broken'] as const,
    ),
    [
      'a PNG with the longest eXIf that fits',
      withChunks(
        chunk('eXIf', Buffer.concat([Buffer.from('MM\0*\0\0\0\x08\xff\xff', 'latin1'), Buffer.alloc(FULL)])),
      ),
      'taken',
    ],
    [
      'a PNG with the longest iCCP name that fits',
      withChunks(chunk('iCCP', Buffer.alloc(FULL, 'x'))),
      'taken',
    ],
  ]
}

function crowdedJpegs(jpeg: Buffer): Row[] {
  const [comment, quantization, huffman, restart] = [0xfe, 0xdb, 0xc4, 0xdd]
  const exif = Buffer.concat([Buffer.from('Exif\0\0MM\0*\0\0\0\x08\x15\x55', 'latin1'), Buffer.alloc(65_000)])
  const profilePart = Buffer.concat([Buffer.from('ICC_PROFILE\0\x01\xff', 'latin1'), Buffer.alloc(6_000)])
  return [
    ['a JPEG with as many comments as fit', afterStart(jpeg, full(segment(comment, empty))), 'broken'],
    ['a JPEG with as many APP5 as fit', afterStart(jpeg, full(segment(0xe5, empty))), 'broken'],
    [
      'a JPEG with as many empty tables as fit',
      afterStart(jpeg, full(segment(quantization, empty))),
      'broken',
    ],
    [
      'a JPEG with a comment between any two empty tables',
      afterStart(jpeg, full(segment(comment, empty), segment(quantization, empty))),
      'broken',
    ],
    [
      'a JPEG with as many Huffman tables as fit',
      afterStart(jpeg, full(segment(huffman, Buffer.alloc(17)))),
      'broken',
    ],
    [
      'a JPEG with as many restart intervals as fit',
      afterStart(jpeg, full(segment(restart, Buffer.alloc(2)))),
      'broken',
    ],
    ['a JPEG with as many long EXIF as fit', afterStart(jpeg, full(segment(0xe1, exif))), 'taken'],
    [
      'a JPEG with the same part of a profile 255 times',
      afterStart(jpeg, ...Array<Buffer>(255).fill(segment(0xe2, profilePart))),
      'taken',
    ],
    [
      'a JPEG that is mostly fill bytes',
      Buffer.concat([jpeg.subarray(0, 2), Buffer.alloc(FULL, 0xff), jpeg.subarray(3)]),
      'taken',
    ],
  ]
}

function crowdedWebps(webp: Buffer): Row[] {
  const still = webp.subarray(12)
  const header = extended(0x0c, 320, 240)
  const unknown = webpChunk('ABCD', empty)
  return [
    ['a WebP with as many unknown chunks as fit', riff(header, still, full(unknown)), 'broken'],
    ['a WebP with as many EXIF as fit', riff(header, still, full(webpChunk('EXIF', empty))), 'broken'],
    [
      'a WebP with EXIF between any two chunks',
      riff(header, still, full(webpChunk('EXIF', empty), unknown)),
      'broken',
    ],
    [
      'a WebP with as many XMP as fit before the picture',
      riff(header, full(webpChunk('XMP ', empty)), still),
      'broken',
    ],
    ['a WebP with as many profiles as fit', riff(header, full(webpChunk('ICCP', empty)), still), 'broken'],
    [
      'a WebP with as many frames as fit',
      riff(header, full(webpChunk('ANMF', Buffer.alloc(16)))),
      'animated',
    ],
    ['a WebP with as many pictures as fit', riff(header, full(still)), 'broken'],
  ]
}
