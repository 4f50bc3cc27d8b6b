import { inflateSync } from 'node:zlib'
import { animated, broken, unsupported } from './refusals.ts'

const PNG_SIGNATURE = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1')
const JPEG_START = Buffer.from([0xff, 0xd8, 0xff])

/**
 * The picture in what was sent, and nothing that stood behind it or beside it, found by its form alone: nothing is
 * decoded. Throws `unsupported_picture` for what is no PNG, JPEG or WebP, and refuses animated and cut off ones.
 */
export function solePicture(sent: Uint8Array): Buffer {
  const bytes = Buffer.from(sent.buffer, sent.byteOffset, sent.byteLength)
  if (startsWith(bytes, PNG_SIGNATURE)) return solePng(bytes)
  if (bytes.toString('latin1', 0, 4) === 'RIFF' && bytes.toString('latin1', 8, 12) === 'WEBP') {
    return soleWebp(bytes)
  }
  if (startsWith(bytes, JPEG_START)) return bytes
  throw unsupported()
}

const startsWith = (bytes: Buffer, start: Buffer): boolean => bytes.subarray(0, start.length).equals(start)

const CUT_OFF = 'The picture is not whole: its end is missing.'

/** What the pixels need. The rest, texts above all, may be compressed: a decoder would unpack it only to drop it. */
const NEEDED_CHUNKS = ['IHDR', 'PLTE', 'tRNS', 'IDAT', 'IEND', 'gAMA', 'cHRM', 'sRGB', 'eXIf']
/** Those of APNG. */
const ANIMATION_CHUNKS = ['acTL', 'fcTL', 'fdAT']
const LONGEST_PROFILE_BYTES = 1024 * 1024

function solePng(bytes: Buffer): Buffer {
  const kept: Buffer[] = [PNG_SIGNATURE]
  for (let at = PNG_SIGNATURE.length; ;) {
    if (at + 12 > bytes.length) throw broken(CUT_OFF)
    const end = at + 12 + bytes.readUInt32BE(at)
    if (end > bytes.length) throw broken(CUT_OFF)
    const type = bytes.toString('latin1', at + 4, at + 8)
    if (ANIMATION_CHUNKS.includes(type)) throw animated()
    if (NEEDED_CHUNKS.includes(type)) kept.push(bytes.subarray(at, end))
    if (type === 'iCCP' && isModestProfile(bytes.subarray(at + 8, end - 4)))
      kept.push(bytes.subarray(at, end))
    if (type === 'IEND') return Buffer.concat(kept)
    at = end
  }
}

/** A name, a zero, the kind of compression, and the colour profile compressed. */
function isModestProfile(data: Buffer): boolean {
  try {
    inflateSync(data.subarray(data.indexOf(0) + 2), { maxOutputLength: LONGEST_PROFILE_BYTES })
    return true
  } catch {
    // Without its profile the picture looks a little different at worst.
    return false
  }
}

function soleWebp(bytes: Buffer): Buffer {
  const end = 8 + bytes.readUInt32LE(4)
  if (end > bytes.length) throw broken(CUT_OFF)
  for (let at = 12; at + 8 <= end;) {
    const type = bytes.toString('latin1', at, at + 4)
    if (type === 'ANIM' || type === 'ANMF') throw animated()
    const length = bytes.readUInt32LE(at + 4)
    at += 8 + length + (length % 2)
  }
  return bytes.subarray(0, end)
}
