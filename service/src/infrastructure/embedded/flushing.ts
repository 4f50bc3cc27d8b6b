import { closeSync, fstatSync, fsyncSync, openSync } from 'node:fs'

/** What was made, renamed or removed in the folder is on the disk on return. */
export const flushFolder = (folder: string): void => {
  const handle = openSync(folder, 'r')
  try {
    flush(handle)
  } finally {
    closeSync(handle)
  }
}

/** Windows flushes no folders, and needs none flushed. */
export const flush = (handle: number): void => {
  if (process.platform === 'win32' && fstatSync(handle).isDirectory()) return
  fsyncSync(handle)
}
