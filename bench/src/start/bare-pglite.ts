// A process with the embedded database and nothing else. On an empty folder PGlite runs initdb; the service unpacks what
// initdb has made before.
import { PGlite } from '@electric-sql/pglite'
import { answerParent } from '../child.ts'

let database: PGlite | undefined

const answers = {
  open: async (folder: string): Promise<void> => {
    database = await PGlite.create(folder)
    await database.query('select 1')
  },
  close: (): Promise<void> | undefined => database?.close(),
}

export type PGliteProcess = typeof answers

answerParent(answers)
