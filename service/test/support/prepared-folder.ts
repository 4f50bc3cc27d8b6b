// Creates data folders with a migrated database. A first start takes seconds of CPU time, a copy almost none.
import { cpSync, existsSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { inject } from 'vitest'
import { openEmbeddedDatabase } from '../../src/infrastructure/embedded/embedded-database.ts'
import { openDatabase } from '../../src/infrastructure/postgres/database.ts'
import { migrate } from '../../src/infrastructure/postgres/migrate.ts'
import { temporaryFolder } from './temporary-folder.ts'
import { inTurn } from './test-database.ts'

/** A fresh data folder as after a first start, but without the secrets. */
export async function preparedFolder(): ReturnType<typeof temporaryFolder> {
  const template = await templateFolder()
  const fresh = await temporaryFolder()
  cpSync(template, join(fresh.folder, 'postgres'), { recursive: true })
  return fresh
}

/** The first test that needs the template creates it, once in a run. */
async function templateFolder(): Promise<string> {
  const template = join(inject('runFolder'), 'prepared-database')
  if (existsSync(template)) return template
  await inTurn('prepared-database', async () => {
    if (existsSync(template)) return
    const { folder, remove } = await temporaryFolder()
    const embedded = await openEmbeddedDatabase(folder)
    await migrate(openDatabase(embedded.pool))
    await embedded.close()
    renameSync(join(folder, 'postgres'), template)
    await remove()
  })
  return template
}
