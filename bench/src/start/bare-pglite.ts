// A process with the embedded database and nothing else. On an empty folder PGlite runs initdb; the service unpacks what
// initdb has made before.
import { PGlite } from '@electric-sql/pglite'
import { serveParent } from '../child.ts'

let database: PGlite | undefined

const handlers = {
  open: async (folder: string): Promise<void> => {
    database = await PGlite.create(folder)
    await database.query('select 1')
  },
  close: (): Promise<void> | undefined => database?.close(),
}

export type PGliteProcess = typeof handlers

serveParent(handlers)
