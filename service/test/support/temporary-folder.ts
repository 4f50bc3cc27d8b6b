import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Creates an empty data folder, with the settings for it. */
export async function temporaryFolder() {
  const folder = await mkdtemp(join(tmpdir(), 'chat-auth-data-'))
  return {
    folder,
    settings: { DATA_DIR: folder },
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}
