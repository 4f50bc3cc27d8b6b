import { closeSync, fstatSync, fsyncSync, openSync } from 'node:fs'

/** When it returns, all files made, renamed or removed in the folder are on the disk. */
export const flushFolder = (folder: string): void => {
  const handle = openSync(folder, 'r')
  try {
    flush(handle)
  } finally {
    closeSync(handle)
  }
}

/** Windows cannot flush a folder, and does not need it. */
export const flush = (handle: number): void => {
  if (process.platform === 'win32' && fstatSync(handle).isDirectory()) return
  fsyncSync(handle)
}
