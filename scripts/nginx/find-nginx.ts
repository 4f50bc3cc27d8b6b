// Finds nginx on this machine.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'

const cache = join(import.meta.dirname, '../../.nginx')
const install = join(import.meta.dirname, 'install-nginx.sh')

export interface Nginx {
  readonly path: string
  readonly env: NodeJS.ProcessEnv
}

/** Libraries that came with the unpacked program. */
const environment = (path: string): NodeJS.ProcessEnv => {
  const own = { PATH: process.env['PATH'] ?? '' }
  if (!path.startsWith(cache)) return own
  const roots = ['usr/lib', 'lib'].map((folder) => join(cache, folder)).filter((folder) => existsSync(folder))
  const libraries = roots.flatMap((root) =>
    readdirSync(root)
      .filter((name) => name.endsWith('-linux-gnu'))
      .map((name) => join(root, name)),
  )
  return { ...own, LD_LIBRARY_PATH: libraries.join(delimiter) }
}

const runnable = (path: string): Nginx | undefined => {
  const env = environment(path)
  return existsSync(path) && spawnSync(path, ['-v'], { env }).status === 0 ? { path, env } : undefined
}

/** The first one in PATH, where Debian puts it, or unpacked here. */
const findNginx = (): Nginx | undefined => {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter).filter(Boolean), '/usr/sbin']
  const paths = [...folders, join(cache, 'usr/sbin')].map((folder) => join(folder, 'nginx'))
  return paths.map(runnable).find((found) => found !== undefined)
}

/**
 * The program NGINX_PATH names, or one of this machine. Where there is none Debian's is unpacked into the checkout; throws
 * an `Error` that says what to do where that cannot be done.
 */
export const requireNginx = (): Nginx => {
  const given = process.env['NGINX_PATH'] ?? ''
  if (given !== '') {
    const named = runnable(given)
    if (named !== undefined) return named
    throw new Error(`NGINX_PATH is ${given}, which does not run: set it to nginx, or leave it out.`)
  }
  const present = findNginx()
  if (present !== undefined) return present
  console.error(`No nginx was found: running ${install}`)
  spawnSync('bash', [install], { stdio: ['ignore', 2, 2] })
  const installed = findNginx()
  if (installed !== undefined) return installed
  throw new Error('The tests of the cluster need nginx: install it, or set NGINX_PATH to the program.')
}
