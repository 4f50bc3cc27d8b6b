import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { dataDir as readyMadeDatabase } from '@electric-sql/pglite-prepopulatedfs'
import { DataFolderError } from './data-folder.ts'
import { flushFolder } from './flushing.ts'

/** The PostgreSQL of PGlite. Another major version cannot read its data folder. */
const postgresVersion = '18'

/**
 * Returns the complete folder of PostgreSQL's files. It is made under another name and renamed in one step, so a start that
 * was killed leaves only files that the next start removes.
 */
export const preparePostgresFolder = async (dataFolder: string): Promise<string> => {
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

/** The result of initdb, from a package of the PGlite project. Running initdb itself takes seconds and over 1 GB. */
const readyMadeArchive = async (): Promise<Buffer> => {
  const archive = await readyMadeDatabase()
  return gunzipSync(await archive.arrayBuffer())
}

/** When it returns, every file is on the disk. Flushing takes longest, so four are written in parallel, as many as Node has threads for. */
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

/** Reads plain tar, as this archive is: POSIX.1-1988 ustar headers, short names, each folder before its files. */
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
  // Without this file PGlite would treat the folder as empty and write a new database over it.
  const found = existsSync(versionFile) ? readFileSync(versionFile, 'utf8').trim() : undefined
  if (found === postgresVersion) return
  const fault =
    found === undefined
      ? `is damaged: PG_VERSION is missing`
      : `was made by PostgreSQL ${found}, and this version of the service reads PostgreSQL ${postgresVersion}`
  throw new DataFolderError(
    `The database in ${folder} ${fault}. Nothing was changed. Start the version of the service that made it, restore a backup, or set DATA_DIR to another folder to start with an empty database.`,
  )
}
