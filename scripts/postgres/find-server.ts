// Finds PostgreSQL's server programs on this machine, and the user to run them as.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, realpathSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'

const oldestMajor = 15
const root = join(import.meta.dirname, '..', '..')
const cache = join(root, '.postgres')

type ServerUser = { uid: number; gid: number }
export type ServerPrograms = {
  bin: string
  version: string
  env: NodeJS.ProcessEnv
  user: ServerUser | undefined
}

const output = (command: string, args: string[], options = {}): string => {
  const { status, stdout } = spawnSync(command, args, { encoding: 'utf8', ...options })
  return status === 0 ? stdout.trim() : ''
}

/** PostgreSQL refuses to run as root. `undefined`: this process's own user. */
const serverUser = (): ServerUser | undefined => {
  if (process.getuid?.() !== 0) return undefined
  const name = ['postgres', 'nobody'].find((user) => output('id', ['-u', user]) !== '')
  if (name === undefined)
    throw new Error('Root needs an OS user "postgres" or "nobody" to run PostgreSQL as.')
  return { uid: Number(output('id', ['-u', name])), gid: Number(output('id', ['-g', name])) }
}

const versionsUnder = (folder: string): string[] =>
  existsSync(folder)
    ? readdirSync(folder)
        .sort((a, b) => Number(b) - Number(a))
        .map((major) => join(folder, major, 'bin'))
    : []

const candidates = (): string[] => [
  ...(process.env['PATH'] ?? '').split(delimiter),
  output('pg_config', ['--bindir']),
  ...versionsUnder('/usr/lib/postgresql'),
  ...versionsUnder(join(cache, 'usr/lib/postgresql')),
]

/** Neither PGOPTIONS, PGTZ nor the machine's language may reach the server. */
const environment = (bin: string): NodeJS.ProcessEnv => {
  const own = { PATH: process.env['PATH'] ?? '', LANG: 'C.UTF-8' }
  if (!bin.startsWith(cache)) return own
  const libraries = readdirSync(join(cache, 'usr/lib'))
    .filter((name) => name.endsWith('-linux-gnu'))
    .flatMap((name) => [join(cache, 'usr/lib', name), join(cache, 'lib', name)])
  return { ...own, LD_LIBRARY_PATH: libraries.join(':') }
}

/** The first PostgreSQL, 15 or later, that this machine can run; `undefined` when there is none. */
const findServer = (): ServerPrograms | undefined => {
  const user = serverUser()
  for (const folder of candidates()) {
    if (folder === '' || !existsSync(join(folder, 'initdb')) || !existsSync(join(folder, 'postgres')))
      continue
    // PATH often holds links; the server looks for its other files beside the real program.
    const bin = dirname(realpathSync(join(folder, 'postgres')))
    const env = environment(bin)
    const response = output(join(bin, 'postgres'), ['--version'], { ...user, env, cwd: '/' })
    const version = /\d+(\.\d+)?/.exec(response)?.[0]
    if (version !== undefined && Number.parseInt(version) >= oldestMajor) return { bin, version, env, user }
  }
  return undefined
}

/** Finds the server and installs it when it is missing, which may take minutes. */
export const requireServer = (): ServerPrograms => {
  const present = findServer()
  if (present !== undefined) return present
  const install = join(import.meta.dirname, 'install-server.sh')
  console.error(`No PostgreSQL ${oldestMajor} or later was found: running ${install}`)
  spawnSync('bash', [install], { stdio: ['ignore', 2, 2] })
  const installed = findServer()
  if (installed !== undefined) return installed
  throw new Error(
    `The tests need PostgreSQL ${oldestMajor} or later: install it, or set TEST_DATABASE_URL to a server on which the tests may create databases.`,
  )
}
