import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export const projectRoot = new URL('../../../', import.meta.url)

/** Generated folders that are not in the repository. */
const GENERATED = new Set([
  '.git',
  'node_modules',
  'data',
  'dist',
  '.postgres',
  '.nginx',
  '.prometheus',
  '.python',
  '.go',
  '.earlier',
])

/** Every file and folder of the project, relative to its root. Folders end with a slash. */
export function projectFiles(folder = ''): string[] {
  return readdirSync(fileURLToPath(new URL(folder, projectRoot)), { withFileTypes: true }).flatMap(
    (entry) => {
      if (GENERATED.has(entry.name)) return []
      const path = `${folder}${entry.name}`
      return entry.isDirectory() ? [`${path}/`, ...projectFiles(`${path}/`)] : [path]
    },
  )
}
