import { createHash } from 'node:crypto'
import { availableParallelism } from 'node:os'
import sharp, { type Metadata, type OutputInfo, type Sharp } from 'sharp'
import { ApplicationError } from '../../application/errors.ts'
import type { Pictures } from '../../application/ports/pictures.ts'
import { AVATAR_SIZES, UPLOAD_LIMITS, type Avatar, type AvatarSize } from '../../domain/avatar.ts'
import { BoundedSlots } from '../crypto/bounded-slots.ts'
import { animated, broken, tooLarge, tooManyPixels } from './refusals.ts'
import { solePicture } from './sole-picture.ts'

// For the whole process: no decoder but these three can be reached, whatever a file says it is. Nothing is kept between
// pictures, and each is worked on by one thread.
sharp.block({ operation: ['VipsForeignLoad'] })
sharp.unblock({
  operation: ['VipsForeignLoadPngBuffer', 'VipsForeignLoadJpegBuffer', 'VipsForeignLoadWebpBuffer'],
})
sharp.cache(false)
sharp.concurrency(1)

/** Held in memory at once, each up to the limit of an upload, while they arrive and wait. */
const UPLOADS = 32
const RETRY_AFTER_SECONDS = 2
/** A picture of the largest size takes less than one; a file made to take long is given up. */
const DECODING_LIMIT_SECONDS = 10
const WEBP = { quality: 82, effort: 4 } as const
const UNREADABLE = 'The picture is damaged and cannot be read.'

interface SharpPicturesOptions {
  readonly uploads?: number
  /** Pictures decoded at once. Half of the cores, so that sign-ins find a free one. */
  readonly slots?: number
}

/** By sharp, which is libvips. Answers WebP without any metadata, in sRGB, upright and cut to the square in its middle. */
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
    // Whoever was let in may wait.
    this.#decoding = new BoundedSlots({ slots, queueLimit: uploads, retryAfterSeconds: RETRY_AFTER_SECONDS })
  }

  requireRoom(): void {
    this.#uploads.requireRoom()
  }

  makeAvatar(read: () => Promise<Uint8Array>): Promise<Avatar> {
    return this.#uploads.run(async () => {
      const sent = await read()
      if (sent.length > UPLOAD_LIMITS.bytes) throw tooLarge()
      const picture = solePicture(sent)
      return this.#decoding.run(() => makeOf(picture))
    })
  }
}

async function makeOf(picture: Buffer): Promise<Avatar> {
  requireDecodable(await orBroken(open(picture).metadata()))
  const [largest] = AVATAR_SIZES
  const square = await orBroken(
    open(picture)
      .timeout({ seconds: DECODING_LIMIT_SECONDS })
      .autoOrient()
      .resize(largest, largest, { fit: 'cover', position: 'centre' })
      .toColourspace('srgb')
      .raw()
      .toBuffer({ resolveWithObject: true }),
  )
  const [large, small] = [await encode(square, 512), await encode(square, 128)]
  const name = createHash('sha256').update(large).digest('hex')
  return { name, pictures: { 512: large, 128: small } }
}

/** Strict: whatever the decoder warns of makes it fail. What a header claims is looked at before it is believed. */
const open = (picture: Buffer): Sharp =>
  sharp(picture, { failOn: 'warning', limitInputPixels: false, sequentialRead: true, pages: 1 })

function requireDecodable({ width, height, pages = 1 }: Metadata): void {
  if (pages > 1) throw animated()
  const isTooLong = Math.max(width, height) > UPLOAD_LIMITS.side
  if (isTooLong || width * height > UPLOAD_LIMITS.pixels) throw tooManyPixels(width, height)
}

const encode = ({ data, info }: { data: Buffer; info: OutputInfo }, size: AvatarSize): Promise<Buffer> =>
  sharp(data, { raw: { width: info.width, height: info.height, channels: info.channels } })
    .resize(size, size)
    .webp(WEBP)
    .toBuffer()

/** Whatever a decoder says of a file that has the right form is the file's fault. */
const orBroken = <T>(decoded: Promise<T>): Promise<T> =>
  decoded.catch((error: unknown) => {
    throw error instanceof ApplicationError ? error : broken(UNREADABLE)
  })
