import { unsupported } from './refusals.ts'
import { JPEG_START, stripJpeg } from './strip-jpeg.ts'
import { PNG_SIGNATURE, stripPng } from './strip-png.ts'
import { isWebp, stripWebp } from './strip-webp.ts'

/**
 * The picture in an upload, without metadata and without bytes after its end. Reads only the structure of the file and
 * decodes no pixels. Throws `unsupported_picture` if the file is not a PNG, JPEG or WebP, and `validation_failed` if it
 * is animated, truncated or malformed.
 */
export function stripImage(upload: Uint8Array): Buffer {
  const bytes = Buffer.from(upload.buffer, upload.byteOffset, upload.byteLength)
  if (startsWith(bytes, PNG_SIGNATURE)) return stripPng(bytes)
  if (isWebp(bytes)) return stripWebp(bytes)
  if (startsWith(bytes, JPEG_START)) return stripJpeg(bytes)
  throw unsupported()
}

const startsWith = (bytes: Buffer, start: Buffer): boolean => bytes.subarray(0, start.length).equals(start)
