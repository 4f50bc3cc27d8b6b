/** The tag that says how the camera was held (TIFF 6.0 and EXIF 2.3). The value 1 is upright. */
const ORIENTATION = 0x0112
const SHORT = 3
const UPRIGHT = 1
const ENTRY_BYTES = 12
const PREFIX = 'Exif\0\0'

/**
 * The orientation in EXIF data, 1 to 8. Reads only the first directory, and follows no reference: entries that refer to
 * each other would keep a parser busy for ever. Unreadable data counts as upright.
 */
export function orientationIn(exif: Buffer): number {
  const tiff = exif.toString('latin1', 0, PREFIX.length) === PREFIX ? exif.subarray(PREFIX.length) : exif
  const order = tiff.toString('latin1', 0, 4)
  if (tiff.length < 10 || (order !== 'MM\0*' && order !== 'II*\0')) return UPRIGHT
  const isBigEndian = order === 'MM\0*'
  const short = (at: number): number => (isBigEndian ? tiff.readUInt16BE(at) : tiff.readUInt16LE(at))
  const directory = isBigEndian ? tiff.readUInt32BE(4) : tiff.readUInt32LE(4)
  if (directory + 2 > tiff.length) return UPRIGHT
  const first = directory + 2
  const count = Math.min(short(directory), Math.floor((tiff.length - first) / ENTRY_BYTES))
  for (let entry = first; entry < first + count * ENTRY_BYTES; entry += ENTRY_BYTES) {
    if (short(entry) !== ORIENTATION || short(entry + 2) !== SHORT) continue
    const orientation = short(entry + 8)
    return orientation >= 1 && orientation <= 8 ? orientation : UPRIGHT
  }
  return UPRIGHT
}

/** EXIF data that holds an orientation and nothing else. Undefined for an upright picture, which needs none. */
export function exifWith(orientation: number): Buffer | undefined {
  if (orientation === UPRIGHT) return undefined
  const tiff = Buffer.from('MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\0\0\0\0\0\0\0', 'latin1')
  tiff.writeUInt16BE(orientation, 18)
  return tiff
}
