import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { dataDir as readyMadeDatabase } from '@electric-sql/pglite-prepopulatedfs'
import { DataFolderError } from './data-folder.ts'
import { flushFolder } from './flushing.ts'

/** PGlite's PostgreSQL. Data folders outlive it only within one major version. */
const postgresVersion = '18'

/**
 * The folder of PostgreSQL's files, whole. It is made under another name and takes its own in one step,
 * so a start that was killed half way leaves only what the next one clears away.
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
