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
  /** One connection, which is all PGlite has: a query made from inside a transaction must go through that transaction. */
  readonly pool: pg.Pool
  /** Waits for the clients that are out, writes everything to disk and gives the data folder up. */
  close(): Promise<void>
}

/** Past this a caller gets an error in place of the connection; most likely it asks from inside a transaction. */
const waitForConnectionMilliseconds = 5_000

/**
 * Opens the database in `folder`, made on the first start, and holds the folder against other processes.
 * Throws DataFolderError when it is in use or cannot be used.
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
  // V8 sometimes ends the process when it frees WebAssembly code that it has replaced by faster one (nodejs/node#64500; seen once
  // here, in the wrappers around calls from PGlite to JavaScript). Such code is kept instead.
  setFlagsFromString('--no-wasm-code-gc')
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
