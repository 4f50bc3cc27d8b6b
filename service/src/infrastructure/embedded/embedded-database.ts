import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
} from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { PGlite } from '@electric-sql/pglite'
import { createPgConfig } from '@electric-sql/pglite/node-postgres'
import { NodeFS } from '@electric-sql/pglite/nodefs'
import { dataDir as readyMadeDatabase } from '@electric-sql/pglite-prepopulatedfs'
import pg from 'pg'
import { pgTypes } from '../postgres/connect.ts'
import { claimDataFolder, DataFolderError } from './data-folder.ts'

export interface EmbeddedDatabase {
  /** One connection, which is all PGlite has: a query made from inside a transaction must go through that transaction. */
  readonly pool: pg.Pool
  /** Waits for the clients that are out, writes everything to disk and gives the data folder up. */
  close(): Promise<void>
}

/** PGlite's PostgreSQL. Data folders outlive it only within one major version. */
const postgresVersion = '18'

/** Past this a caller gets an error in place of the connection; most likely it asks from inside a transaction. */
const waitForConnectionMilliseconds = 5_000

/**
 * Opens the database in `folder`, made on the first start, and holds the folder against other processes.
 * Throws DataFolderError when it is in use or cannot be used.
 */
export const openEmbeddedDatabase = async (folder: string): Promise<EmbeddedDatabase> => {
  const dataFolder = claimDataFolder(folder)
  try {
    const database = await start(await prepare(dataFolder.path))
    const pool = poolOver(database)
    let closing: Promise<void> | undefined
    const close = async (): Promise<void> => {
      await pool.end()
      await database.close()
      dataFolder.release()
    }
    return { pool, close: () => (closing ??= close()) }
  } catch (error) {
    dataFolder.release()
    throw error
  }
}

/**
 * The folder of PostgreSQL's files, whole. It is made under another name and takes its own in one step,
 * so a start that was killed half way leaves only what the next one clears away.
 */
const prepare = async (dataFolder: string): Promise<string> => {
  const folder = join(dataFolder, 'postgres')
  const unfinished = `${folder}.new`
  rmSync(unfinished, { recursive: true, force: true })
  if (!existsSync(folder)) {
    await unpack(await readyMadeArchive(), unfinished)
    renameSync(unfinished, folder)
    flushFolder(dataFolder)
  }
  refuseAnotherVersion(folder)
  return folder
}

/** What initdb would make, from the package of PGlite's makers: initdb itself takes seconds and over 1 GB. */
const readyMadeArchive = async (): Promise<Buffer> => {
  const archive = await readyMadeDatabase()
  return gunzipSync(await archive.arrayBuffer())
}

/** Every file is on the disk on return. Four are written at a time, as many as Node has threads for: flushing is what takes long. */
const unpack = async (archive: Buffer, folder: string): Promise<void> => {
  const folders = [folder]
  mkdirSync(folder, { mode: 0o700 })
  const entries = entriesOf(archive)
  const writeFiles = async (): Promise<void> => {
    for (const { name, isFolder, content } of entries) {
      const path = join(folder, name)
      if (!isFolder) {
        await writeFile(path, content, { mode: 0o600, flush: true })
        continue
      }
      mkdirSync(path, { mode: 0o700 })
      folders.push(path)
    }
  }
  await Promise.all([writeFiles(), writeFiles(), writeFiles(), writeFiles()])
  folders.forEach(flushFolder)
}

/** Reads plain tar: POSIX.1-1988 ustar headers, short names, a folder before what is in it, which is all the archive holds. */
const entriesOf = function* (
  archive: Buffer,
): Generator<{ name: string; isFolder: boolean; content: Buffer }> {
  for (let at = 0; at < archive.length && archive[at] !== 0;) {
    const field = (start: number, length: number): string =>
      archive.toString('latin1', at + start, at + start + length).replace(/\0.*$/s, '')
    const size = Number.parseInt(field(124, 12), 8)
    const content = archive.subarray(at + tarBlock, at + tarBlock + size)
    yield { name: field(0, 100), isFolder: field(156, 1) === tarFolder, content }
    at += tarBlock + Math.ceil(size / tarBlock) * tarBlock
  }
}

const tarBlock = 512
const tarFolder = '5'

const refuseAnotherVersion = (folder: string): void => {
  const versionFile = join(folder, 'PG_VERSION')
  // Without this file PGlite would take the folder for an empty one and write a new database over it.
  const found = existsSync(versionFile) ? readFileSync(versionFile, 'utf8').trim() : undefined
  if (found === postgresVersion) return
  const fault =
    found === undefined
      ? `is damaged: PG_VERSION is missing`
      : `was made by PostgreSQL ${found}, and this version of the service reads PostgreSQL ${postgresVersion}`
  throw new DataFolderError(
    `The database in ${folder} ${fault}. It was left as it is: start the version of the service that made it, put a backup in its place, or set DATA_DIR to another folder to begin anew.`,
  )
}

const start = async (folder: string): Promise<PGlite> => {
  const log: string[] = []
  try {
    return await PGlite.create({
      fs: new FlushingNodeFs(folder),
      startParams: [
        ...PGlite.defaultStartParams.filter((parameter) => parameter !== turnFsyncOff),
        ...['-c', 'wal_sync_method=fsync'],
        ...['-c', 'timezone=UTC'],
      ],
      onStderr: (line) => log.push(line) > 0,
    })
  } catch (error) {
    const fatal = log.find((line) => /FATAL|PANIC/.test(line)) ?? String(error)
    throw new DataFolderError(
      `The database in ${folder} cannot be opened: ${fatal}. Put a backup in its place, or set DATA_DIR to another folder to begin anew.`,
      error,
    )
  }
}

const turnFsyncOff = '-F'

/**
 * PGlite turns fsync off, and its file system would ignore it: kill -9 loses nothing then, but a power cut
 * can lose the database. This passes PostgreSQL's fsync on to the disk. `wal_sync_method` must be fsync:
 * PGlite answers fdatasync without doing anything.
 */
class FlushingNodeFs extends NodeFS {
  override async init(...[database, options]: Parameters<NodeFS['init']>): ReturnType<NodeFS['init']> {
    const { emscriptenOpts } = await super.init(database, options)
    const passFsyncOn: NonNullable<typeof emscriptenOpts.preRun>[number] = ({ NODEFS }) => {
      const files = NODEFS as unknown as EmscriptenNodeFs
      files.stream_ops.fsync = (stream) => files.tryFSOperation(() => flush(stream.nfd))
    }
    return { emscriptenOpts: { ...emscriptenOpts, preRun: [...(emscriptenOpts.preRun ?? []), passFsyncOn] } }
  }
}

/** The part of Emscripten's NODEFS used here; its types leave it out. */
interface EmscriptenNodeFs {
  /** Turns an error of Node into the errno that PostgreSQL understands. */
  tryFSOperation(operation: () => void): void
  stream_ops: { fsync?: (stream: { nfd: number }) => void }
}

const poolOver = (database: PGlite): pg.Pool => {
  const settings = Object.assign(createPgConfig(database), { types: pgTypes })

  class Client extends pg.Client {
    #giveBack: () => void = () => undefined

    constructor() {
      super(settings)
    }

    /**
     * The pool sets `release` on the client, and callers give a failed client back with an error, so that
     * the pool throws it away. Here that must not happen: there is one backend behind all clients, and
     * answers to the old one would reach the new one, as answers to its own questions. So the client is
     * always kept. What a thrown-away connection would have undone, an open transaction, is undone here.
     */
    set release(giveBack: () => void) {
      this.#giveBack = giveBack
    }

    get release(): () => void {
      const giveBack = this.#giveBack
      return () => {
        const undone = database.isInTransaction() ? this.query('ROLLBACK') : Promise.resolve()
        // Queries on PGlite never wait for anything, so without a turn of the event loop between two owners
        // a loop of them would hold up every timer, signal and socket of the process.
        void undone.catch(() => undefined).then(() => setImmediate(giveBack))
      }
    }
  }
  return new pg.Pool({
    Client,
    max: 1,
    idleTimeoutMillis: 0,
    connectionTimeoutMillis: waitForConnectionMilliseconds,
  })
}

const flushFolder = (folder: string): void => {
  const handle = openSync(folder, 'r')
  try {
    flush(handle)
  } finally {
    closeSync(handle)
  }
}

/** Windows flushes no folders, and needs none flushed. */
const flush = (handle: number): void => {
  if (process.platform === 'win32' && fstatSync(handle).isDirectory()) return
  fsyncSync(handle)
}
