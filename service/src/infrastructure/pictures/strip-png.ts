import { crc32, inflateSync } from 'node:zlib'
import { exifWith, orientationIn } from './exif-orientation.ts'
import { KeptBytes } from './kept-bytes.ts'
import { animated, broken, TRUNCATED, UNREADABLE } from './refusals.ts'

export const PNG_SIGNATURE = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1')

const typeOf = (name: string): number => Buffer.from(name, 'latin1').readUInt32BE()
const [IDAT, IEND, ICCP, EXIF] = [typeOf('IDAT'), typeOf('IEND'), typeOf('iCCP'), typeOf('eXIf')]
/** Besides IDAT. A PNG has each of them at most once (ISO/IEC 15948, 5.6). */
const SINGLE = new Set(['IHDR', 'PLTE', 'tRNS', 'gAMA', 'cHRM', 'sRGB', 'iCCP', 'eXIf', 'IEND'].map(typeOf))
/** The chunks of APNG. */
const ANIMATION = new Set(['acTL', 'fcTL', 'fdAT'].map(typeOf))

const LONGEST_PROFILE_BYTES = 1024 * 1024

/**
 * Keeps the chunks that the pixels need. Other chunks, such as texts, may be compressed, and a decoder would unpack them
 * only to drop them. All chunks are checked before the one colour profile is unpacked.
 */
export function stripPng(bytes: Buffer): Buffer {
  requireSinglePicture(bytes)
  const kept = new KeptBytes(bytes)
  kept.keep(0, PNG_SIGNATURE.length)
  forEachChunk(bytes, (type, start, end) => {
    const data = (): Buffer => bytes.subarray(start + 8, end - 4)
    if (type === EXIF) addOrientation(kept, data())
    else if (type === ICCP ? isModestProfile(data()) : isNeeded(type)) kept.keep(start, end)
  })
  return kept.toBuffer()
}

const isNeeded = (type: number): boolean => type === IDAT || SINGLE.has(type)

/** Stops at the end of the picture. Throws `broken` if the file ends before it. */
function forEachChunk(bytes: Buffer, visit: (type: number, start: number, end: number) => void): void {
  for (let start = PNG_SIGNATURE.length; ;) {
    if (start + 12 > bytes.length) throw broken(TRUNCATED)
    const end = start + 12 + bytes.readUInt32BE(start)
    if (end > bytes.length) throw broken(TRUNCATED)
    const type = bytes.readUInt32BE(start + 4)
    visit(type, start, end)
    if (type === IEND) return
    start = end
  }
}

function requireSinglePicture(bytes: Buffer): void {
  const seen = new Set<number>()
  forEachChunk(bytes, (type) => {
    if (ANIMATION.has(type)) throw animated()
    if (seen.has(type)) throw broken(UNREADABLE)
    if (SINGLE.has(type)) seen.add(type)
  })
}

function addOrientation(kept: KeptBytes, exif: Buffer): void {
  const data = exifWith(orientationIn(exif))
  if (data === undefined) return
  const body = Buffer.concat([Buffer.from('eXIf', 'latin1'), data])
  const [length, checksum] = [Buffer.alloc(4), Buffer.alloc(4)]
  length.writeUInt32BE(data.length)
  checksum.writeUInt32BE(crc32(body))
  kept.add(Buffer.concat([length, body, checksum]))
}

/** `data` is a name, a zero byte, the compression method, and the compressed colour profile. */
function isModestProfile(data: Buffer): boolean {
  try {
    inflateSync(data.subarray(data.indexOf(0) + 2), { maxOutputLength: LONGEST_PROFILE_BYTES })
    return true
  } catch {
    // Without its profile the picture only has slightly different colours.
    return false
  }
}
