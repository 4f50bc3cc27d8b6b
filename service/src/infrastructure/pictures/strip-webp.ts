import { exifWith, orientationIn } from './exif-orientation.ts'
import { KeptBytes } from './kept-bytes.ts'
import { animated, broken, TRUNCATED, UNREADABLE } from './refusals.ts'

const typeOf = (name: string): number => Buffer.from(name, 'latin1').readUInt32BE()
const [EXTENDED, EXIF, XMP] = [typeOf('VP8X'), typeOf('EXIF'), typeOf('XMP ')]
const ANIMATION = new Set(['ANIM', 'ANMF'].map(typeOf))

/** The flags that say which metadata an extended file has. */
const FLAGS_AT = 20
const [EXIF_FLAG, XMP_FLAG] = [0x08, 0x04]

export const isWebp = (bytes: Buffer): boolean =>
  bytes.toString('latin1', 0, 4) === 'RIFF' && bytes.toString('latin1', 8, 12) === 'WEBP'

/** A real picture has at most six. */
const MOST_CHUNKS = 1_000

/** Drops metadata and all bytes after the picture. Of EXIF only the orientation is kept. */
export function stripWebp(bytes: Buffer): Buffer {
  const end = 8 + bytes.readUInt32LE(4)
  if (end > bytes.length) throw broken(TRUNCATED)
  const kept = new KeptBytes(bytes)
  kept.keep(0, Math.min(12, end))
  let orientation: number | undefined
  let chunks = 0
  for (let at = 12; at + 8 <= end; chunks += 1) {
    if (chunks >= MOST_CHUNKS) throw broken(UNREADABLE)
    const type = bytes.readUInt32BE(at)
    if (ANIMATION.has(type)) throw animated()
    const length = bytes.readUInt32LE(at + 4)
    const next = Math.min(at + 8 + length + (length % 2), end)
    if (type === EXIF) orientation ??= orientationIn(bytes.subarray(at + 8, next))
    if (type !== EXIF && type !== XMP) kept.keep(at, next)
    at = next
  }
  return withOrientation(kept.toBuffer(), orientation)
}

/** Only an extended file can have metadata. Its header is the first chunk, at byte 12, and starts with the flags. */
function withOrientation(file: Buffer, orientation = 1): Buffer {
  const isExtended = file.length > FLAGS_AT && file.readUInt32BE(12) === EXTENDED
  const exif = isExtended ? exifWith(orientation) : undefined
  const changed = exif === undefined ? file : Buffer.concat([file, exifChunk(exif)])
  changed.writeUInt32LE(changed.length - 8, 4)
  if (!isExtended) return changed
  const flags = changed.readUInt8(FLAGS_AT) & ~(EXIF_FLAG | XMP_FLAG)
  changed.writeUInt8(exif === undefined ? flags : flags | EXIF_FLAG, FLAGS_AT)
  return changed
}

function exifChunk(exif: Buffer): Buffer {
  const head = Buffer.from('EXIF\0\0\0\0', 'latin1')
  head.writeUInt32LE(exif.length, 4)
  return Buffer.concat([head, exif])
}
