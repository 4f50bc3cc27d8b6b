// The package as users install it: packed, installed offline, and run by each JavaScript runtime it supports.
import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { entryPoints, packAndInstall, type PackedPackage } from './support/packed-package.ts'
import { serviceKey } from './support/stand-in-service.ts'
import { startWorld } from './support/world.ts'

const run = promisify(execFile)
const entries = await entryPoints()

let packed: PackedPackage

beforeAll(async () => {
  packed = await packAndInstall()
})
afterAll(() => packed.remove())

const runInConsumer = async (file: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env) =>
  run(file, args, { cwd: packed.consumer, env })

test('the package contains only the built code, its types, the README and the license', () => {
  expect(packed.files).toEqual(expect.arrayContaining(['LICENSE', 'README.md', 'package.json']))
  expect(packed.files).toEqual(expect.arrayContaining(['dist/index.js', 'dist/index.d.ts']))
  const others = packed.files.filter((path) => !/^dist\/[\w/-]+\.(?:js|d\.ts)$/.test(path))
  expect(others.toSorted()).toEqual(['LICENSE', 'README.md', 'package.json'])
})

test('the license of the package is that of the repository', async () => {
  const licenses = ['../LICENSE', '../../../LICENSE'].map((path) => join(import.meta.dirname, path))
  const [own, shared] = await Promise.all(licenses.map((path) => readFile(path, 'utf8')))
  expect(own).toBe(shared)
})

test('the installed package brings no other package with it', async () => {
  const { stdout } = await runInConsumer('npm', ['ls', '--all', '--parseable'])
  expect(stdout.trim().split('\n')).toHaveLength(2)
})

test.each(entries)('%s can be imported by an ES module and required by CommonJS', async (entry) => {
  const esm = `console.log(Object.keys(await import('${entry}')).join())`
  const commonJs = `console.log(Object.keys(require('${entry}')).join())`
  const outputs = await Promise.all([
    runInConsumer(process.execPath, ['--input-type=module', '--eval', esm]),
    runInConsumer(process.execPath, ['--input-type=commonjs', '--eval', commonJs]),
  ])
  const [imported, required] = outputs.map(({ stdout }) => stdout.trim().split(','))
  expect(imported).not.toEqual([''])
  expect(required).toEqual(imported)
})

/** Verifies one token of a live session and one of an ended session, and prints what happened. */
const script = `
  import { createVerifier, TokenRefused } from '@chat-auth/verifier'
  import process from 'node:process'
  const [url, serviceKey, live, ended] = process.argv.slice(2)
  const verifier = createVerifier({ url, serviceKey, issuer: 'https://auth.example', audience: 'chat' })
  await verifier.ready({ timeoutMs: 20_000 })
  const { user_id } = await verifier.verify(live)
  const refusal = await verifier.verify(ended).catch((error) => error)
  const isRefused = refusal instanceof TokenRefused
  console.log(JSON.stringify({ user_id, isRefused, code: refusal.code, reason: refusal.reason }))
  await verifier.close()
`

const require = createRequire(import.meta.url)

/** The binary of a package that npm installs for this platform only. */
function platformBinary(names: Readonly<Record<string, string>>, path: string): string {
  const platform = `${process.platform}-${process.arch}`
  const name = names[platform]
  if (name === undefined) throw new Error(`This test does not know the package for ${platform}.`)
  return join(dirname(require.resolve(`${name}/package.json`)), path)
}

/** The install script of `bun` moves the binary out of the package of the platform. npm may run it or not. */
const bun = () => {
  const moved = join(dirname(require.resolve('bun/package.json')), 'bin/bun.exe')
  const untouched = platformBinary(
    {
      'linux-x64': '@oven/bun-linux-x64',
      'linux-arm64': '@oven/bun-linux-aarch64',
      'darwin-x64': '@oven/bun-darwin-x64',
      'darwin-arm64': '@oven/bun-darwin-aarch64',
    },
    'bin/bun',
  )
  return existsSync(untouched) ? untouched : moved
}
const deno = () =>
  platformBinary(
    {
      'linux-x64': '@deno/linux-x64-glibc',
      'linux-arm64': '@deno/linux-arm64-glibc',
      'darwin-x64': '@deno/darwin-x64',
      'darwin-arm64': '@deno/darwin-arm64',
    },
    'deno',
  )

test.each([
  { runtime: 'Node.js', command: () => process.execPath, options: [] },
  { runtime: 'Bun', command: bun, options: ['run'] },
  { runtime: 'Deno', command: deno, options: ['run', '--allow-net', '--allow-read', '--no-prompt'] },
])(
  'on $runtime, the package accepts a valid token and refuses one of an ended session',
  async ({ command, options }) => {
    const { service, token } = await startWorld()
    const sid = randomUUID()
    service.revoke(sid, { reason: 'signed_out' })
    await writeFile(join(packed.consumer, 'verify.mjs'), script)
    const args = [...options, 'verify.mjs', service.url, serviceKey, token(), token({ sid })]
    const env = {
      ...process.env,
      DENO_DIR: join(packed.consumer, '.deno'),
      DENO_NO_UPDATE_CHECK: '1',
      BUN_INSTALL_CACHE_DIR: join(packed.consumer, '.bun'),
    }
    const { stdout } = await runInConsumer(command(), args, env)
    expect(JSON.parse(stdout)).toEqual({
      user_id: 7,
      isRefused: true,
      code: 'session_ended',
      reason: 'signed_out',
    })
  },
)
