import { exifWith, orientationIn } from './exif-orientation.ts'
import { KeptBytes } from './kept-bytes.ts'
import { broken, TRUNCATED, UNREADABLE } from './refusals.ts'

export const JPEG_START = Buffer.from([0xff, 0xd8, 0xff])

const [START_OF_SCAN, END_OF_IMAGE, COMMENT] = [0xda, 0xd9, 0xfe]
const [FIRST_APPLICATION, LAST_APPLICATION, EXIF, PROFILE] = [0xe0, 0xef, 0xe1, 0xe2]
/** JFIF, the parts of the colour profile (ICC.1), and Adobe's marker for the colours of CMYK. */
const KEPT_APPLICATIONS = new Set([FIRST_APPLICATION, PROFILE, 0xee])
/** A colour profile has at most 255 parts. The other two occur once each. */
const MOST_KEPT_APPLICATIONS = 257
/** Before the pixels. A real picture has a few dozen, and with the longest colour profile a few hundred. */
const MOST_SEGMENTS = 10_000

/** Keeps the segments that the pixels need, and the orientation from EXIF. Drops comments and all other metadata. */
export function stripJpeg(bytes: Buffer): Buffer {
  const kept = new KeptBytes(bytes)
  kept.keep(0, 2)
  let applications = 0
  let orientation: number | undefined
  let at = 2
  for (let segments = 0; segments < MOST_SEGMENTS; segments += 1) {
    const { marker, start, end } = segmentAt(bytes, at)
    if (marker === START_OF_SCAN || marker === END_OF_IMAGE) {
      addOrientation(kept, orientation)
      kept.keep(start, bytes.length)
      return kept.toBuffer()
    }
    if (marker === EXIF) orientation ??= exifOrientation(bytes.subarray(start + 4, end))
    if (KEPT_APPLICATIONS.has(marker)) applications += 1
    if (applications > MOST_KEPT_APPLICATIONS) throw broken(UNREADABLE)
    if (isNeeded(marker)) kept.keep(start, end)
    at = end
  }
  throw broken(UNREADABLE)
}

const isNeeded = (marker: number): boolean =>
  KEPT_APPLICATIONS.has(marker) ||
  (marker !== COMMENT && (marker < FIRST_APPLICATION || marker > LAST_APPLICATION))

/** The segment at `at`, after any number of fill bytes (ITU-T T.81, B.1.1.2). */
function segmentAt(bytes: Buffer, at: number): { marker: number; start: number; end: number } {
  let code = at + 1
  while (bytes[code] === 0xff) code += 1
  if (code + 3 > bytes.length) throw broken(TRUNCATED)
  if (bytes[at] !== 0xff) throw broken(UNREADABLE)
  const end = code + 1 + bytes.readUInt16BE(code + 1)
  const marker = bytes.readUInt8(code)
  if (end > bytes.length && marker !== END_OF_IMAGE) throw broken(TRUNCATED)
  return { marker, start: code - 1, end }
}

/** Undefined for XMP, which uses segments with the same marker. */
const exifOrientation = (data: Buffer): number | undefined =>
  data.toString('latin1', 0, 6) === 'Exif\0\0' ? orientationIn(data) : undefined

function addOrientation(kept: KeptBytes, orientation = 1): void {
  const data = exifWith(orientation)
  if (data === undefined) return
  const head = Buffer.from([0xff, EXIF, 0, 2 + 6 + data.length])
  kept.add(Buffer.concat([head, Buffer.from('Exif\0\0', 'latin1'), data]))
}
