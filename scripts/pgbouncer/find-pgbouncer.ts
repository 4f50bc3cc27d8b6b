// Finds the PgBouncers that install-pgbouncer.sh unpacks.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

const cache = join(import.meta.dirname, '../../.pgbouncer')
const install = join(import.meta.dirname, 'install-pgbouncer.sh')

/** 1.18 does not know prepared statements in transaction mode; 1.24 does. */
const pgbouncerVersions = { '1.18': 'bookworm', '1.24': 'trixie' } as const
export type PgbouncerVersion = keyof typeof pgbouncerVersions

/** The program behind its own loader and libraries, which may be newer or older than those of the machine. */
const commandIn = (root: string): readonly string[] => {
  const folders = ['usr/lib', 'lib', 'usr/lib64', 'lib64'].map((name) => join(root, name))
  const libraries = folders
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => [
      folder,
      ...readdirSync(folder)
        .filter((name) => name.endsWith('-linux-gnu'))
        .map((name) => join(folder, name)),
    ])
  const loader = libraries
    .flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)))
    .find((path) => /\/ld-linux[^/]*\.so\.\d+$/.test(path))
  return [loader ?? '', '--library-path', libraries.join(':'), join(root, 'usr/sbin/pgbouncer')]
}

const runnable = (root: string): readonly string[] | undefined => {
  if (!existsSync(root)) return undefined
  const [program = '', ...args] = commandIn(root)
  return spawnSync(program, [...args, '--version']).status === 0 ? [program, ...args] : undefined
}

/** The command that starts it. Throws an `Error` that says what to do if it can be neither found nor unpacked. */
export const requirePgbouncer = (version: PgbouncerVersion): readonly string[] => {
  const root = join(cache, pgbouncerVersions[version])
  const present = runnable(root)
  if (present !== undefined) return present
  console.error(`No PgBouncer ${version} was found: running ${install}`)
  spawnSync('bash', [install], { stdio: ['ignore', 2, 2] })
  const installed = runnable(root)
  if (installed !== undefined) return installed
  throw new Error(`The tests behind a pooler need PgBouncer ${version} from Debian's packages.`)
}
