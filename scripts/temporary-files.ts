// Where the tests keep their temporary files: in memory if there is room.
import { existsSync, statfsSync } from 'node:fs'

const memoryFolder = '/dev/shm'
const neededBytes = 4 * 1024 ** 3

/**
 * Makes `os.tmpdir()` a folder in memory, in this process and in those that it starts. The tests copy hundreds of
 * databases of a thousand files each, and flush many of them: on a disk this is a large part of their time. TMPDIR wins
 * if it is set. A container usually has 64 MB of such memory, which is not enough.
 */
export const keepTemporaryFilesInMemory = (): void => {
  if (!existsSync(memoryFolder)) return
  const { bavail, bsize } = statfsSync(memoryFolder)
  if (bavail * bsize >= neededBytes) process.env['TMPDIR'] ??= memoryFolder
}
