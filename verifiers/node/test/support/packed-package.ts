import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

const packageFolder = join(import.meta.dirname, '../..')
const repository = join(packageFolder, '../..')
/** The files that a clean clone has, as far as packing needs them. */
const SOURCES = ['src', 'package.json', 'tsconfig.build.json', 'README.md', 'LICENSE']

export interface PackedPackage {
  /** Paths in the tarball. */
  readonly files: readonly string[]
  /** A folder in which the tarball is installed, and nothing else. */
  readonly consumer: string
  remove(): Promise<void>
}

/** Packs the package as in a clean clone, without `dist`, and installs the tarball offline into an empty folder. */
export async function packAndInstall(): Promise<PackedPackage> {
  const root = await mkdtemp(join(tmpdir(), 'chat-auth-package-'))
  const clone = join(root, 'clone')
  const sources = join(clone, 'verifiers/node')
  const consumer = join(root, 'consumer')
  await Promise.all([mkdir(sources, { recursive: true }), mkdir(consumer)])
  await symlink(join(repository, 'node_modules'), join(clone, 'node_modules'))
  await cp(join(repository, 'tsconfig.json'), join(clone, 'tsconfig.json'))
  for (const name of SOURCES) {
    await cp(join(packageFolder, name), join(sources, name), { recursive: true })
  }
  // An empty cache and no registry: an installation that needs a download fails.
  const env = { ...process.env, npm_config_cache: join(root, 'cache'), npm_config_offline: 'true' }
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', root], { cwd: sources, env })
  const [{ filename, files }] = JSON.parse(stdout) as [{ filename: string; files: { path: string }[] }]
  await writeFile(join(consumer, 'package.json'), '{ "name": "consumer", "private": true }')
  await run('npm', ['install', '--no-audit', '--no-fund', join(root, filename)], { cwd: consumer, env })
  return {
    files: files.map(({ path }) => path),
    consumer,
    remove: () => rm(root, { recursive: true }),
  }
}

/** The entry points with code, such as `@chat-auth/verifier/ws`. */
export async function entryPoints(): Promise<string[]> {
  const { name, exports } = JSON.parse(await readFile(join(packageFolder, 'package.json'), 'utf8')) as {
    name: string
    exports: Record<string, unknown>
  }
  return Object.keys(exports)
    .filter((path) => !path.endsWith('.json'))
    .map((path) => name + path.slice(1))
}
