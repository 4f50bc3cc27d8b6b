import { statfs } from 'node:fs/promises'
import type { Finding } from '../../interface-adapters/http/internal/finding.ts'
import { failed, ok, warning } from './finding.ts'

const MIB = 2 ** 20
const LITTLE_BYTES = 1024 * MIB
const TOO_LITTLE_BYTES = 128 * MIB

/** The disk space left for the embedded database. The disk of a server cannot be seen from here. */
export async function diskFindings(folder: string, stat = statfs): Promise<readonly Finding[]> {
  const { bavail, bsize } = await stat(folder)
  const free = bavail * bsize
  const detail = `${Math.floor(free / MIB).toLocaleString('en')} MiB free in ${folder}`
  const advice = 'Free some disk space: without any, the database stops.'
  if (free < TOO_LITTLE_BYTES) return [failed('disk', detail, advice)]
  return [free < LITTLE_BYTES ? warning('disk', detail, advice) : ok('disk', detail)]
}
