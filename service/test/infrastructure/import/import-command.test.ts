// `npm run import` as an operator runs it: known by what it prints and exits with, stopped and killed half way.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer, type AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { claimDataFolder } from '../../../src/infrastructure/embedded/data-folder.ts'
import { createEmptyStore, type EmptyStore } from '../../support/empty-store.ts'
import { queryOn } from '../../support/database-query.ts'
import { waitingForLocks } from '../../support/lock-waits.ts'
import { createOldDatabase, oldRow, oldRows, type OldDatabase } from '../../support/old-database.ts'
import { createTestDatabase } from '../../support/test-database.ts'
import { databaseNames, migratedDatabase } from '../../support/test-service.ts'

const script = join(import.meta.dirname, '../../../src/import.ts')
/** A process that opens a new embedded database takes seconds where others work, too. */
const patience = 60_000
let folder: string

beforeAll(async () => (folder = await mkdtemp(join(tmpdir(), 'chat-auth-import-'))))
afterAll(() => rm(folder, { recursive: true }))

/** In a working directory of its own, with no settings but these. */
function startImport(args: readonly string[], settings: Record<string, string>) {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', script, ...args], {
    cwd: folder,
    env: { PATH: process.env['PATH'] ?? '', ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 2 * patience,
    killSignal: 'SIGKILL',
  })
  const words = { out: '', err: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => (words.out += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (words.err += text))
  const { promise: ended, resolve } = Promise.withResolvers<{
    code: number | null
    out: string
    err: string
  }>()
  child.once('close', (code) => resolve({ code, ...words }))
  return {
    ended,
    signal: (signal: NodeJS.Signals) => child.kill(signal),
    /** Resolves when the message was written. By then the work is done. */
    said: async (text: string): Promise<void> => {
      while (!words.err.includes(text)) await once(child.stderr, 'data')
    },
  }
}

const runImport = (args: readonly string[], settings: Record<string, string> = {}) =>
  startImport(args, settings).ended

describe('the command line', () => {
  test('the import command prints its usage', async () => {
    const { code, out } = await runImport(['--help'])
    expect(code).toBe(0)
    for (const option of ['--from', '--dry-run', '--report', 'DATABASE_URL', 'Exit codes'])
      expect(out).toContain(option)
  })

  test.each([
    ['no old database', [], '--from'],
    ['an unknown option', ['--from', 'postgresql://localhost/old', '--force'], '--force'],
    ['a word too many', ['--from', 'postgresql://localhost/old', 'users'], 'too many arguments'],
    ['an address of something else', ['--from', 'mysql://root:s3cret@localhost/old'], 'postgresql://'],
  ])('with %s is wrong usage, and says what would be right', async (_, args, word) => {
    const { code, err } = await runImport(args)
    expect(code).toBe(2)
    expect(err).toContain(word)
    expect(err).toContain('--help')
    expect(err).not.toContain('s3cret')
  })
})

describe('an import that cannot begin', () => {
  let old: OldDatabase
  beforeAll(async () => (old = await createOldDatabase([])))
  afterAll(() => old.drop())

  const failing = async (args: readonly string[], settings: Record<string, string> = {}): Promise<string> => {
    const { code, err } = await runImport(args, { DATA_DIR: join(folder, 'data'), ...settings })
    expect(code).toBe(1)
    expect(err).not.toMatch(/^ +at /m)
    return err
  }

  test('an import reports that the old database is unreachable', async () => {
    const err = await failing(['--from', 'postgresql://me:s3cret@127.0.0.1:1/old'])
    expect(err).toMatch(
      /^The old database cannot be reached: .*ECONNREFUSED.* Start it, or check --from\.\n$/,
    )
  })

  test('an import reports that the old database refused it', async () => {
    const url = new URL(old.url)
    url.pathname = '/there_is_no_such_database'
    const err = await failing(['--from', url.href])
    expect(err).toMatch(
      /^The old database refused the import: .*there_is_no_such_database.* Check .* of --from\.\n$/,
    )
  })

  test('an import reports that --from is another database', async () => {
    const { url, drop } = await createTestDatabase()
    const err = await failing(['--from', url])
    await drop()
    expect(err).toContain('no table users(id, username, password, email, avatar_url)')
  })

  test.each<[string, string | undefined, string]>([
    ['speaks HTTP', undefined, 'HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n'],
    ['speaks first, as MySQL does', 'J\0\0\0\n8.0.36\0', ''],
    ['hangs up', undefined, ''],
  ])('an import reports that the server of --from %s', async (_, greeting, response) => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined).once('data', () => socket.end(response))
      if (greeting !== undefined) socket.write(greeting, 'latin1')
    })
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const err = await failing(['--from', `postgresql://me:s3cret@127.0.0.1:${port}/old`], {
      DATA_DIR: join(folder, 'untouched'),
    })
    server.close()
    expect(err).toMatch(/^The old database .*--from\.\n$/)
    expect(err).not.toContain('s3cret')
    expect(existsSync(join(folder, 'untouched'))).toBe(false)
  })

  test.each([[], ['--dry-run']])(
    'an import of a database into itself is refused before it writes (%s)',
    async (...more: string[]) => {
      // Another name of the same server.
      const target = Object.assign(new URL(old.url), { hostname: 'localhost' }).href
      const settings = { DATABASE_URL: target, AUTH_SECRET: 'a secret of the tests that is long enough' }
      expect(await failing(['--from', old.url, ...more], settings)).toBe(
        '--from is the database of DATABASE_URL, so it would be imported into itself. Correct one of them.\n',
      )
      const made = await queryOn(old.url)(`select to_regclass('chat_auth_migrations') as list`)
      expect(made).toEqual([{ list: null }])
    },
  )

  test('an import reports that --from is a database of chat-auth', async () => {
    const { url, settings, remove } = await migratedDatabase()
    const err = await failing(['--from', url], settings)
    await remove()
    expect(err).toMatch(/^The old database has no table users\(.*Check that --from is the database of .*\n$/)
  })

  test('an import reports which settings are wrong', async () => {
    expect(await failing(['--from', old.url], { DATABASE_URL: 'nowhere' })).toContain('DATABASE_URL')
  })

  test('an import reports that its target database is unreachable', async () => {
    const settings = {
      DATABASE_URL: 'postgresql://127.0.0.1:1/new',
      AUTH_SECRET: 'a secret of the tests that is long enough',
    }
    expect(await failing(['--from', old.url], settings)).toMatch(/cannot be reached: .*check DATABASE_URL/)
  })

  test('an import refuses a data folder that is in use', async () => {
    const claimed = claimDataFolder(join(folder, 'claimed'))
    const err = await failing(['--from', old.url], { DATA_DIR: claimed.path })
    claimed.release()
    expect(err).toContain(`The data folder ${claimed.path} is in use by process ${process.pid}`)
  })

  test('an import does not overwrite a file with its report', async () => {
    await writeFile(join(folder, 'notes.txt'), 'mine')
    expect(await failing(['--from', old.url, '--report', 'notes.txt'])).toContain('EEXIST')
    expect(readFileSync(join(folder, 'notes.txt'), 'utf8')).toBe('mine')
  })

  test('a dry run does not make a data folder', async () => {
    const { code } = await runImport(['--from', old.url, '--dry-run'], { DATA_DIR: join(folder, 'none') })
    expect(code).toBe(0)
    expect(existsSync(join(folder, 'none'))).toBe(false)
  })
})

describe.each(databaseNames)('an import into %s', { timeout: 3 * patience }, (database) => {
  const total = 3_500
  let old: OldDatabase
  let place: EmptyStore

  beforeEach(async () => {
    old = await createOldDatabase([...oldRows(1, total - 1), oldRow(total, { email: 'anna@localhost' })])
    place = await createEmptyStore(database)
  })
  afterEach(async () => {
    await place.remove()
    await old.drop()
  })

  const idsThere = async (): Promise<number[]> => {
    const { db, close } = await place.open()
    const rows = await db.selectFrom('users').select('id').orderBy('id').execute()
    await close()
    return rows.map(({ id }) => id)
  }
  const args = (...more: string[]) => ['--from', old.url, ...more]
  const allIds = Array.from({ length: total - 1 }, (_, index) => index + 1)

  test('an import shows its progress, counts, and writes the report to standard output', async () => {
    const { code, out, err } = await runImport(args('--report', '-'), place.settings)
    expect(code).toBe(0)
    expect(err).toMatch(/ 3,500 {2}read\n +3,499 {2}imported\n +0 {2}already there\n +1 {2}skipped\n/)
    expect(err).toContain('Sessions are not imported')
    expect(JSON.parse(out)).toMatchObject({ id: total, outcome: 'skipped', reason: 'email_invalid_format' })
  })

  test('a killed import keeps its users, and continues to the end when run again', async () => {
    const gate = await old.holdAfter(1_500)
    const killed = startImport(args(), place.settings)
    await waitingForLocks(old.url, 1, patience)
    killed.signal('SIGKILL')
    expect((await killed.ended).code).toBeNull()
    await gate.release()
    expect(await idsThere()).toEqual(allIds.slice(0, 1_000))

    const { code, err } = await runImport(args('--report', '-'), place.settings)

    expect(code).toBe(0)
    expect(err).toMatch(/ 3,500 {2}read\n +2,499 {2}imported\n +1,000 {2}already there\n +1 {2}skipped\n/)
    expect(await idsThere()).toEqual(allIds)
  })

  test('an import that loses the old database reports it, and how to continue', async () => {
    const gate = await old.holdAfter(1_500)
    const cutOff = startImport(args('--report', '-'), place.settings)
    await waitingForLocks(old.url, 1, patience)
    await old.cutOff()
    const { code, err } = await cutOff.ended
    await gate.release()
    expect(code).toBe(1)
    expect(err).toContain('Failed: 1,000 of 3,500 read')
    expect(err).toContain('Run the same command again to continue')
    expect(err).toMatch(/\nThe old database cannot be reached: .*\n$/)
    expect(await idsThere()).toEqual(allIds.slice(0, 1_000))
  })

  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    'an import that gets %s stops after the page, and reports how to continue',
    async (signal) => {
      const gate = await old.holdAfter(1_500)
      const stopped = startImport(args('--report', '-'), place.settings)
      await waitingForLocks(old.url, 1, patience)
      stopped.signal(signal)
      await stopped.said('Stopping after the current batch.')
      await gate.release()
      const { code, err } = await stopped.ended
      expect(code).toBe(1)
      expect(err).toContain('Stopped: 1,000 of 3,500 read')
      expect(err).toContain('Run the same command again to continue')
      expect(await idsThere()).toEqual(allIds.slice(0, 1_000))
    },
  )
})
