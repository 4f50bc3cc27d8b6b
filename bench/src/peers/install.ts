import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const folder = fileURLToPath(new URL('../../peers/', import.meta.url))
const lock = `${folder}package-lock.json`
/** A copy of the lockfile that was installed last. */
const installed = `${folder}node_modules/.installed-lock.json`

/** The peers have packages of their own, with nothing of theirs among the project's. Done once, until they change. */
export async function installPeers(note: (progress: string) => void): Promise<void> {
  if (existsSync(installed) && readFileSync(installed).equals(readFileSync(lock))) return
  note('installing the peers')
  // Not the workspace for which npm may have started the bench.
  const env = { ...process.env, npm_config_workspace: '' }
  const npm = spawn('npm', ['ci', '--ignore-scripts'], {
    cwd: folder,
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let complaints = ''
  npm.stderr.on('data', (chunk: Buffer) => (complaints += chunk.toString()))
  const [code] = (await once(npm, 'close')) as [number | null]
  if (code !== 0) throw new Error(`The peers could not be installed: ${complaints}`)
  copyFileSync(lock, installed)
}
