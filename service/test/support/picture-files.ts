// Builds picture files byte by byte, also such as no encoder would produce.
import { crc32, deflateSync } from 'node:zlib'
import sharp from 'sharp'

export const KIB = 1024
export const MIB = 1024 * KIB

export const PNG_SIGNATURE = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1')

export function chunk(type: string, data: Buffer | string = ''): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), Buffer.from(data)])
  const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)]
  length.writeUInt32BE(body.length - 4)
  check.writeUInt32BE(crc32(body))
  return Buffer.concat([length, body, check])
}

interface Header {
  readonly width: number
  readonly height: number
  readonly depth?: number
  /** 0 grey, 2 RGB, 3 palette, 4 grey with alpha, 6 RGB with alpha. */
  readonly colourType?: number
  readonly interlaced?: boolean
}

export function header({ width, height, depth = 8, colourType = 2, interlaced = false }: Header): Buffer {
  const data = Buffer.alloc(13)
  data.writeUInt32BE(width, 0)
  data.writeUInt32BE(height, 4)
  data.set([depth, colourType, 0, 0, interlaced ? 1 : 0], 8)
  return chunk('IHDR', data)
}

/** A PNG with the header `head`, whether or not it fits the pixels. `extra` chunks come before the pixels. */
export const png = (head: Header, pixels: Buffer, ...extra: Buffer[]): Buffer =>
  Buffer.concat([PNG_SIGNATURE, header(head), ...extra, chunk('IDAT', pixels), chunk('IEND')])

/** This many zero bytes, deflated. Hundreds of megabytes take seconds at any level but the first. */
export const zeros = (bytes: number): Buffer =>
  deflateSync(Buffer.alloc(bytes), { level: bytes > 64 * MIB ? 1 : 9 })

/** The uninterlaced rows of a picture whose pixels are all 0. */
export const blank = (width: number, height: number, bytesPerPixel: number): Buffer =>
  zeros(height * (1 + width * bytesPerPixel))

/** Neither plain nor symmetrical, so that a cut, a rotation or a loss shows. */
export const photo = (width = 320, height = 240) =>
  sharp({
    create: {
      width,
      height,
      channels: 3,
      background: '#336699',
      noise: { type: 'gaussian', mean: 128, sigma: 40 },
    },
  })

export const webpChunk = (type: string, data: Buffer): Buffer => {
  const length = Buffer.alloc(4)
  length.writeUInt32LE(data.length)
  return Buffer.concat([Buffer.from(type, 'latin1'), length, data, Buffer.alloc(data.length % 2)])
}
export const riff = (...chunks: Buffer[]): Buffer =>
  webpChunk('RIFF', Buffer.concat([Buffer.from('WEBP'), ...chunks]))

/** The header of an extended WebP: flags and the canvas. */
export function extended(flags: number, width: number, height: number): Buffer {
  const data = Buffer.alloc(10)
  data[0] = flags
  data.writeUIntLE(width - 1, 4, 3)
  data.writeUIntLE(height - 1, 7, 3)
  return webpChunk('VP8X', data)
}

export const segment = (marker: number, data: Buffer): Buffer => {
  const length = Buffer.alloc(2)
  length.writeUInt16BE(data.length + 2)
  return Buffer.concat([Buffer.from([0xff, marker]), length, data])
}
export const afterStart = (jpeg: Buffer, ...segments: Buffer[]): Buffer =>
  Buffer.concat([jpeg.subarray(0, 2), ...segments, jpeg.subarray(2)])
