// Bad settings stop every program that reads all settings, with one line for the operator and an exit code. The rules of
// each setting are in config.test.ts, .env in env-file.fault.test.ts, the server in database-settings.fault.test.ts.
import { spawn } from 'node:child_process'
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { createOldDatabase } from '../support/old-database.ts'
import { testSecret } from '../support/test-service.ts'

const SOURCES = join(import.meta.dirname, '../../src')
/** nobody, where this run may choose the user: root may use every file and port. */
const user = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'chat-auth-bad-'))
  await chmod(folder, 0o777)
})
afterEach(() => rm(folder, { recursive: true }))

async function run(args: readonly string[], settings: Record<string, string>) {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', ...args], {
    cwd: folder,
    env: { PATH: dirname(process.execPath), DATA_DIR: join(folder, 'data'), ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...user,
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve))
  const [out, err, code] = await Promise.all([text(child.stdout), text(child.stderr), exited])
  return { out, err, code }
}

const service = [join(SOURCES, 'main.ts')]
const restore = [join(SOURCES, '../bin/chat-auth.js'), 'restore', '--yes']
const importFrom = (url: string) => [join(SOURCES, 'import.ts'), '--from', url]

const onServer = (url: string) => ({ DATABASE_URL: url, AUTH_SECRET: testSecret })

/** The settings of an operator, and the line about them. */
const bad: Record<string, [settings: Record<string, string>, line: RegExp]> = {
  'a port that has no digits': [{ PORT: 'http' }, /^PORT .*whole number/],
  'a port out of range': [{ INTERNAL_PORT: '70000' }, /^INTERNAL_PORT .*65535/],
  'a duration without a unit that exists': [{ ACCESS_TOKEN_TTL: '10 parsecs' }, /^ACCESS_TOKEN_TTL /],
  'a count that is too high': [{ DATABASE_POOL_SIZE: '9999' }, /^DATABASE_POOL_SIZE .*200/],
  'a word that is not a choice': [{ TOKEN_ALGORITHM: 'none' }, /^TOKEN_ALGORITHM .*EdDSA/],
  'an address without a scheme': [{ PUBLIC_URL: 'chat.example.org' }, /^PUBLIC_URL .*https?:/],
  'an address of another database': [onServer('mysql://s3cret@db/x'), /^DATABASE_URL .*postgres:/],
  'several hosts': [onServer('postgres://me:s3cret@a,b/x'), /^DATABASE_URL names several hosts/],
  'a promise the driver does not keep': [
    onServer('postgres://me:s3cret@db/x?target_session_attrs=read-write'),
    /^DATABASE_URL has target_session_attrs /,
  ],
  'a certificate that is missing': [
    onServer('postgres://me:s3cret@db/x?sslmode=verify-full&sslrootcert=/nowhere.pem'),
    /^DATABASE_URL names a file in sslrootcert that cannot be read: \/nowhere.pem/,
  ],
  'a weak secret': [{ AUTH_SECRET: 's3cret'.repeat(8) }, /^AUTH_SECRET .*openssl rand/],
  'no secret for a server': [{ DATABASE_URL: 'postgres://db/x' }, /^AUTH_SECRET is required/],
  'a service key without scopes': [{ SERVICE_KEYS: `s3cret${testSecret}` }, /^SERVICE_KEYS .*name:/],
  'a proxy without an address': [{ TRUSTED_PROXIES: 'nginx' }, /^TRUSTED_PROXIES /],
  'an origin with a path': [{ CORS_ORIGINS: 'https://chat.example.org/app' }, /^CORS_ORIGINS /],
}

const rows = Object.entries(bad)
/** The other programs read the settings by the same function, so a few rows do. */
const some = rows.filter(([, [settings]]) => 'PORT' in settings || 'AUTH_SECRET' in settings)
const programs: [program: string, args: readonly string[], exitCode: number, rows: typeof some][] = [
  ['the service', service, 1, rows],
  ['the import', importFrom('postgres://old.example/db'), 1, some],
  ['the restore', restore, 2, some],
]

describe.each(programs)('%s', (program, args, exitCode, wrong) => {
  test.each(wrong)(
    `${program} stops with one line about %s`,
    { tags: ['OPS-1'] },
    async (_, [settings, line]) => {
      const { out, err, code } = await run(args, settings)
      expect([code, out]).toEqual([exitCode, ''])
      const [heading, complaint = '', ...rest] = err.split('\n')
      expect([heading, rest]).toEqual(['The settings need attention:', ['']])
      expect(complaint.trim()).toMatch(line)
      expect(err).not.toContain('s3cret')
    },
  )
})

describe.each<[string, readonly string[]]>([
  ['the service', service],
  ['the restore', restore],
  ['the import', []],
])('%s', (program, args) => {
  const start = async (settings: Record<string, string>) => {
    if (args.length > 0) return run(args, settings)
    const old = await createOldDatabase([])
    onTestFinished(() => old.drop())
    return run(importFrom(old.url), settings)
  }

  test.each<[string, () => Promise<unknown>, RegExp]>([
    [
      'is a file',
      () => writeFile(join(folder, 'data'), ''),
      /^(The data folder|There are no tables of chat-auth in) .*\/data.*\n$/,
    ],
    [
      'may not be written',
      async () => {
        await mkdir(join(folder, 'data', 'postgres'), { recursive: true, mode: 0o555 })
        await chmod(join(folder, 'data'), 0o555)
      },
      /^The data folder .*\/data .*\n$/,
    ],
  ])(`${program} stops with one line if DATA_DIR %s`, async (_, make, line) => {
    await make()
    const { out, err, code } = await start({})
    expect(err).toMatch(line)
    expect([code, out]).toEqual([1, ''])
  })
})

test('the restore and the import stop with one line if the database is down', async () => {
  const old = await createOldDatabase([])
  onTestFinished(() => old.drop())
  for (const args of [restore, importFrom(old.url)]) {
    const { err, code } = await run(args, onServer('postgres://me:s3cret@127.0.0.1:1/x'))
    expect(err).toMatch(/^The database cannot be reached: .*ECONNREFUSED.*check DATABASE_URL\.\n$/)
    expect(code).toBe(1)
  }
})

describe('an address to listen at', () => {
  test.each<[string, Record<string, string>, RegExp]>([
    ['is of another machine', { HOST: '192.0.2.1' }, /^"192\.0\.2\.1" is not an address of this machine\./],
    [
      'does not exist',
      { HOST: 'nowhere.invalid' },
      /^"nowhere\.invalid" is not an address of this machine\./,
    ],
  ])('the service stops with one line if its address %s', async (_, settings, line) => {
    const { err, code } = await run(service, {
      PORT: '0',
      INTERNAL_PORT: '0',
      HOST: '127.0.0.1',
      ...settings,
    })
    expect(err).toMatch(line)
    expect(err.trimEnd()).not.toContain('\n')
    expect(code).toBe(1)
  })

  test('the service stops with one line if its port is in use', async () => {
    const other = createServer()
    await new Promise<void>((resolve) => void other.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void other.close())
    const { port } = other.address() as AddressInfo
    const { err, code } = await run(service, { PORT: String(port), INTERNAL_PORT: '0', HOST: '127.0.0.1' })
    expect(err).toBe(`Port ${port} is in use. Stop what uses it, or set PORT and INTERNAL_PORT.\n`)
    expect(code).toBe(1)
  })
})
