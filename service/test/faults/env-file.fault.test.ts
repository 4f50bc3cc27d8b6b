// Every program of the service reads .env in the same way, and none of them starts with half of it.
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { spawnSync } from 'node:child_process'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { ServiceProcess } from '../support/service-process.ts'

const SOURCES = join(import.meta.dirname, '../../src')
/** nobody, where this run may choose the user: root could read every file. */
const user = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}
const programs = {
  'the service': [join(SOURCES, 'main.ts')],
  'the command line': [join(SOURCES, '../bin/chat-auth.js'), 'doctor'],
  'the import': [join(SOURCES, 'import.ts'), '--from', 'postgres://old.example/db'],
}

let folder: string
let file: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'chat-auth-env-'))
  file = join(folder, '.env')
  await chmod(folder, 0o777)
})
afterEach(() => rm(folder, { recursive: true }))

const run = (args: readonly string[]) => {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', ...args],
    { cwd: folder, encoding: 'utf8', env: { PATH: dirname(process.execPath) }, ...user },
  )
  return { status, stdout, stderr }
}

describe.each(Object.entries(programs))('%s', (program, args) => {
  test.each<[string, () => Promise<unknown>]>([
    ['may not be read', () => writeFile(file, 'AUTH_SECRET=hush\n', { mode: 0o000 })],
    ['is a folder', () => mkdir(file)],
    ['is a link to nothing', () => symlink(join(folder, 'gone'), file)],
    ['has zero bytes', () => writeFile(file, 'AUTH_SECRET=hush\0\nPORT=1\n')],
    ['is UTF-16', () => writeFile(file, Buffer.from('AUTH_SECRET=hush\n', 'utf16le'))],
    ['has an unclosed quote', () => writeFile(file, 'AUTH_SECRET="hush\n')],
  ])(`${program} stops with one line if .env %s`, { tags: ['OPS-18'] }, async (_, make) => {
    await make()
    const { status, stdout, stderr } = run(args)
    expect(status).toBe(program === 'the command line' ? 2 : 1)
    expect(stdout).toBe('')
    expect(stderr).toMatch(/^The settings need attention:\n {2}\.env\b.*\n$/)
    expect(stderr).not.toContain('hush')
  })
})

test('the start warns once of passwords that can be read on the network', { tags: ['OPS-20'] }, async () => {
  await writeFile(file, 'PUBLIC_URL=http://chat.example.org\n')
  const service = new ServiceProcess({ DATA_DIR: join(folder, 'data') }, undefined, { cwd: folder })
  onTestFinished(() => service.kill())
  await service.ready()
  const warnings = service.logs.filter(({ event }) => event === 'settings.warning').map(({ msg }) => msg)
  expect(warnings).toEqual([
    'PUBLIC_URL has no TLS, so passwords and tokens can be read on the network: http://chat.example.org. ' +
      'Set PUBLIC_URL to the https address that users see.',
  ])
  await service.stop()
})

describe('names without a setting', () => {
  test('a misspelt name in .env or in the environment is a warning in the log', async () => {
    await writeFile(file, 'AUTH_SECRETS=hush\nDATABSE_URL=hush\nMOOD=good\nPGPASSWORD=hush\n')
    const service = new ServiceProcess({ TOKEN_ISUER: 'hush', DATA_DIR: join(folder, 'data') }, undefined, {
      cwd: folder,
    })
    onTestFinished(() => service.kill())
    await service.ready()
    const warnings = service.logs.filter(({ event }) => event === 'settings.warning').map(({ msg }) => msg)
    expect(warnings).toEqual([
      'AUTH_SECRETS is not a setting and has no effect; did you mean AUTH_SECRET?',
      'DATABSE_URL is not a setting and has no effect; did you mean DATABASE_URL?',
      'MOOD in .env is not a setting and has no effect; .env.example lists all settings',
      'TOKEN_ISUER is not a setting and has no effect; did you mean TOKEN_ISSUER?',
    ])
    await service.stop()
  })

  test('the command line warns on standard error', async () => {
    await writeFile(file, 'SERVICE_KEY=hush\nINTERNAL_PORT=9\n')
    const { stderr } = run(programs['the command line'])
    expect(stderr).toContain(
      'Warning: SERVICE_KEY is not a setting and has no effect; did you mean SERVICE_KEYS?\n',
    )
  })
})
