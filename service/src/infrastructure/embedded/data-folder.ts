import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

/** The data folder cannot be used. The message is for the operator at the terminal and says what to do. */
export class DataFolderError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'DataFolderError'
  }
}

export interface DataFolder {
  /** Absolute. */
  readonly path: string
  release(): void
}

interface Holder {
  readonly pid: number
  readonly host: string
  readonly startedAt: string
}

/** Closing a connection releases the lock, and so does garbage collection. So the held ones are referenced here. */
const held = new Set<DatabaseSync>()

/**
 * Creates the data folder if it is missing, and locks it for this process until `release` or until the process ends, even
 * if it is killed. A second process, or a second call in this one, gets a DataFolderError immediately.
 *
 * It is a lock of the operating system, on a file that SQLite opens and never writes to: Node has no flock of its own.
 * Nothing else in this process may open `lock.sqlite`, not even to copy it. On POSIX, closing any handle of a file releases
 * all locks that the process holds on it.
 */
export const claimDataFolder = (folder: string): DataFolder => {
  const path = resolve(folder)
  createFolder(path)
  const lock = takeLock(path)
  held.add(lock)
  try {
    writeHolder(path)
  } catch (error) {
    unlock(lock)
    throw new DataFolderError(`The data folder ${path} cannot be written: ${reasonOf(error)}.`, error)
  }
  return {
    path,
    release: () => {
      if (!held.has(lock)) return
      rmSync(holderFile(path), { force: true })
      unlock(lock)
    },
  }
}

const unlock = (lock: DatabaseSync): void => {
  held.delete(lock)
  lock.close()
}

const createFolder = (path: string): void => {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 })
  } catch (error) {
    throw new DataFolderError(
      `The data folder ${path} cannot be created: ${reasonOf(error)}. Set DATA_DIR to a folder that this user may write to.`,
      error,
    )
  }
}

/** SQLITE_BUSY, https://www.sqlite.org/rescode.html. Extended codes have it in their lowest byte. */
const busy = 5

const takeLock = (path: string): DatabaseSync => {
  let lock: DatabaseSync | undefined
  try {
    lock = new DatabaseSync(join(path, 'lock.sqlite'), { timeout: 0 })
    // The journal stays in memory, so that a killed process leaves no second file to be recovered. IMMEDIATE takes the lock in
    // one step: of two processes that start at the same time, one gets it.
    lock.exec('PRAGMA journal_mode = MEMORY')
    lock.exec('BEGIN IMMEDIATE')
    return lock
  } catch (error) {
    lock?.close()
    throw refusal(path, error)
  }
}

const refusal = (path: string, error: unknown): DataFolderError => {
  const code = error instanceof Error && 'errcode' in error ? Number(error.errcode) : 0
  if ((code & 0xff) !== busy) {
    return new DataFolderError(
      `The data folder ${path} cannot be locked: ${reasonOf(error)}. Set DATA_DIR to a folder on a local disk that this user may write to.`,
      error,
    )
  }
  return new DataFolderError(
    `The data folder ${path} is in use by ${describeHolder(path)}. Stop that process first, or set DATA_DIR to another folder. To run several processes on one database, set DATABASE_URL to a PostgreSQL server.`,
    error,
  )
}

const holderFile = (path: string): string => join(path, 'holder.json')

const writeHolder = (path: string): void => {
  const startedAt = new Date(Date.now() - process.uptime() * 1000).toISOString()
  const holder: Holder = { pid: process.pid, host: hostname(), startedAt }
  const unfinished = `${holderFile(path)}.new`
  writeFileSync(unfinished, JSON.stringify(holder), { mode: 0o600 })
  renameSync(unfinished, holderFile(path))
}

/** Only the lock decides. The file helps to find the holder, and may be left over from a killed process. */
const describeHolder = (path: string): string => {
  const holder = readHolder(path)
  if (holder === undefined || (holder.host === hostname() && !isRunning(holder.pid))) return 'another process'
  return `process ${holder.pid} on ${holder.host}, running since ${holder.startedAt}`
}

const readHolder = (path: string): Holder | undefined => {
  try {
    const { pid, host, startedAt } = JSON.parse(readFileSync(holderFile(path), 'utf8')) as Partial<Holder>
    if (typeof pid !== 'number' || typeof host !== 'string' || typeof startedAt !== 'string') return undefined
    return { pid, host, startedAt }
  } catch {
    return undefined
  }
}

const isRunning = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    // EPERM: the process runs as another user.
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
