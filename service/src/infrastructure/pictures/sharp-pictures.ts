import { createHash } from 'node:crypto'
import { availableParallelism } from 'node:os'
import sharp, { type Metadata, type OutputInfo, type Sharp } from 'sharp'
import { ApplicationError } from '../../application/errors.ts'
import type { Pictures } from '../../application/ports/pictures.ts'
import { AVATAR_SIZES, UPLOAD_LIMITS, type Avatar, type AvatarSize } from '../../domain/avatar.ts'
import { BoundedSlots } from '../crypto/bounded-slots.ts'
import { animated, broken, tooDetailed, tooLarge, tooManyPixels, UNREADABLE } from './refusals.ts'
import { stripImage } from './strip-image.ts'

// For the whole process: only these three decoders can be reached, whatever type a file claims to have. Nothing is cached
// between pictures, and each picture is processed by one thread.
sharp.block({ operation: ['VipsForeignLoad'] })
sharp.unblock({
  operation: ['VipsForeignLoadPngBuffer', 'VipsForeignLoadJpegBuffer', 'VipsForeignLoadWebpBuffer'],
})
sharp.cache(false)
sharp.concurrency(1)

/** Uploads that are in memory at the same time, while they arrive and wait. Each may have the full size. */
const UPLOADS = 32
const RETRY_AFTER_SECONDS = 2
/** A picture of the largest size takes less than one second. Decoding a hostile file is stopped after this time. */
const DECODING_LIMIT_SECONDS = 10
/** A PNG is unpacked in full. A larger one could take more than half a second of CPU time. */
const PNG_LIMIT_BYTES = 32 * 1024 * 1024
const [LARGEST] = AVATAR_SIZES
const WEBP = { quality: 82, effort: 4 } as const

interface SharpPicturesOptions {
  readonly uploads?: number
  /** Pictures decoded at the same time. Half of the cores, so that sign-ins find a free one. */
  readonly slots?: number
}

/** Uses sharp (libvips). Returns WebP in sRGB, upright, without metadata, and cropped to the square in the middle. */
export class SharpPictures implements Pictures {
  readonly #uploads: BoundedSlots
  readonly #decoding: BoundedSlots

  constructor({
    uploads = UPLOADS,
    slots = Math.ceil(availableParallelism() / 2),
  }: SharpPicturesOptions = {}) {
    this.#uploads = new BoundedSlots({
      slots: uploads,
      queueLimit: 0,
      retryAfterSeconds: RETRY_AFTER_SECONDS,
    })
    // An accepted upload may wait.
    this.#decoding = new BoundedSlots({ slots, queueLimit: uploads, retryAfterSeconds: RETRY_AFTER_SECONDS })
  }

  requireCapacity(): void {
    this.#uploads.requireCapacity()
  }

  makeAvatar(read: () => Promise<Uint8Array>): Promise<Avatar> {
    return this.#uploads.run(async () => {
      const sent = await read()
      if (sent.length > UPLOAD_LIMITS.bytes) throw tooLarge()
      const picture = stripImage(sent)
      return this.#decoding.run(() => makeOf(picture))
    })
  }
}

async function makeOf(picture: Buffer): Promise<Avatar> {
  const metadata = await orBroken(open(picture).metadata())
  requireDecodable(metadata)
  // The decoder of JPEG shrinks by itself.
  const sized = metadata.format === 'jpeg' ? picture : await orBroken(shrink(picture))
  const square = await orBroken(
    squareOf(open(sized).autoOrient()).toColourspace('srgb').raw().toBuffer({ resolveWithObject: true }),
  )
  const [large, small] = [await encode(square, 512), await encode(square, 128)]
  const name = createHash('sha256').update(large).digest('hex')
  return { name, pictures: { 512: large, 128: small } }
}

/** Every warning of the decoder is an error. The size in the header is checked before any pixel is decoded. */
const open = (picture: Buffer, { ignoreIcc = false } = {}): Sharp =>
  sharp(picture, { failOn: 'warning', limitInputPixels: false, sequentialRead: true, pages: 1, ignoreIcc })

/** The square in the middle, with the colours and the orientation of the picture: changing both takes less time afterwards. */
const shrink = (picture: Buffer): Promise<Buffer> =>
  squareOf(open(picture, { ignoreIcc: true }))
    .keepIccProfile()
    .keepExif()
    .png({ compressionLevel: 0 })
    .toBuffer()

const squareOf = (picture: Sharp): Sharp =>
  picture
    .timeout({ seconds: DECODING_LIMIT_SECONDS })
    .resize(LARGEST, LARGEST, { fit: 'cover', position: 'centre' })

function requireDecodable(metadata: Metadata): void {
  const { width, height, pages = 1 } = metadata
  if (pages > 1) throw animated()
  const isTooLong = Math.max(width, height) > UPLOAD_LIMITS.side
  if (isTooLong || width * height > UPLOAD_LIMITS.pixels) throw tooManyPixels(width, height)
  if (metadata.format === 'png' && workBytes(metadata) > PNG_LIMIT_BYTES) throw tooDetailed(width, height)
}

/** The unpacked size of a plain PNG that takes as long to decode. 16 bits and interlacing take several times as long. */
const workBytes = ({ width, height, channels, depth, isProgressive }: Metadata): number =>
  width * height * channels * (depth === 'ushort' ? 4 : 1) * (isProgressive ? 2 : 1)

const encode = ({ data, info }: { data: Buffer; info: OutputInfo }, size: AvatarSize): Promise<Buffer> =>
  sharp(data, { raw: { width: info.width, height: info.height, channels: info.channels } })
    .resize(size, size)
    .webp(WEBP)
    .toBuffer()

/** Every error of the decoder means that the file is damaged. */
const orBroken = <T>(decoded: Promise<T>): Promise<T> =>
  decoded.catch((error: unknown) => {
    throw error instanceof ApplicationError ? error : broken(UNREADABLE)
  })
