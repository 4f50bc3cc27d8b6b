import { PGlite } from '@electric-sql/pglite'
import { createPgConfig } from '@electric-sql/pglite/node-postgres'
import { NodeFS } from '@electric-sql/pglite/nodefs'
import { setFlagsFromString } from 'node:v8'
import pg from 'pg'
import { pgTypes } from '../postgres/connect.ts'
import { claimDataFolder, DataFolderError } from './data-folder.ts'
import { flush } from './flushing.ts'
import { preparePostgresFolder } from './postgres-folder.ts'

export interface EmbeddedDatabase {
  /** One connection, because PGlite has only one: inside a transaction, every query must go through that transaction. */
  readonly pool: pg.Pool
  /** Waits until all clients are released, writes everything to disk and releases the data folder. */
  close(): Promise<void>
}

/** A caller that waits longer gets an error. Most likely it asked for a connection inside a transaction. */
const waitForConnectionMilliseconds = 5_000

/**
 * Opens the database in `folder`, which the first start makes, and locks the folder against other processes. Throws
 * DataFolderError if the folder is in use or cannot be used.
 */
export const openEmbeddedDatabase = async (folder: string): Promise<EmbeddedDatabase> => {
  const dataFolder = claimDataFolder(folder)
  try {
    const database = await start(await preparePostgresFolder(dataFolder.path))
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

const start = async (folder: string): Promise<PGlite> => {
  const log: string[] = []
  // V8 can crash the process when it frees WebAssembly code that it has replaced by faster code (nodejs/node#64500). It
  // happened once here, in the wrappers around calls from PGlite to JavaScript. With this flag such code is kept.
  setFlagsFromString('--no-wasm-code-gc')
  try {
    return await PGlite.create({
      fs: new FlushingNodeFs(folder),
      startParams: [
        ...PGlite.defaultStartParams.filter((parameter) => parameter !== turnFsyncOff),
        '-c',
        'wal_sync_method=fsync',
        '-c',
        'timezone=UTC',
      ],
      onStderr: (line) => log.push(line) > 0,
    })
  } catch (error) {
    const fatal = log.find((line) => /FATAL|PANIC/.test(line)) ?? String(error)
    throw new DataFolderError(
      `The database in ${folder} cannot be opened: ${fatal}. Restore it from a backup, or set DATA_DIR to another folder to start with an empty database.`,
      error,
    )
  }
}

const turnFsyncOff = '-F'

/**
 * PGlite turns fsync off, and its file system ignores it. Then kill -9 loses nothing, but a power cut can lose the
 * database. This class passes PostgreSQL's fsync on to the disk. `wal_sync_method` must be fsync: in PGlite fdatasync
 * returns without doing anything.
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

/** The part of Emscripten's NODEFS that is used here. Its types leave it out. */
interface EmscriptenNodeFs {
  /** Turns an error of Node into an errno that PostgreSQL understands. */
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
     * The pool sets `release` on the client. Callers release a failed client with an error, so that the pool throws it
     * away. Here that must not happen: all clients share one backend, and a result for the old client would reach the new
     * one as a result of its own query. So the client is always kept. Throwing a connection away would also roll back its
     * open transaction; that is done here.
     */
    set release(giveBack: () => void) {
      this.#giveBack = giveBack
    }

    get release(): () => void {
      const giveBack = this.#giveBack
      return () => {
        const rolledBack = database.isInTransaction() ? this.query('ROLLBACK') : Promise.resolve()
        // Queries on PGlite never wait for I/O. Without a turn of the event loop between two owners, a series of queries
        // would block every timer, signal and socket of the process.
        void rolledBack.catch(() => undefined).then(() => setImmediate(giveBack))
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
