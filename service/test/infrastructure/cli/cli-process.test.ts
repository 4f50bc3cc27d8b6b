// The command line as an operator uses it: a process of its own that calls a service in another process.
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startServiceProcess, type ServiceProcess } from '../../support/service-process.ts'
import type { TestUser, Tokens } from '../../support/test-client.ts'

const root = join(import.meta.dirname, '../../../..')
const launcher = join(root, 'service/bin/chat-auth.js')

const NO_TERMINAL =
  'There is no terminal to confirm this at, so nothing was changed. Add --yes if you are sure.'

interface Ended {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** Runs with these settings only, in a folder without a `.env` unless the test has put one there. */
const start = (
  file: string,
  args: readonly string[],
  settings: Record<string, string>,
  cwd: string,
): Promise<Ended> =>
  new Promise((resolve, reject) => {
    const path = [dirname(process.execPath), process.env['PATH']].join(delimiter)
    const options = { cwd, env: { PATH: path, ...settings }, timeout: 60_000 }
    const child = execFile(file, args, options, (error, out, err) => {
      const code = error === null ? 0 : error.code
      if (typeof code === 'number') resolve({ code, out, err })
      else reject(error ?? new Error('it did not start'))
    })
    child.stdin?.end()
  })

let folder: string
let service: ServiceProcess
let ann: TestUser
let tokens: Tokens

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'chat-auth-cli-'))
  service = await startServiceProcess({ DATA_DIR: join(folder, 'data') })
  ann = await service.client().register()
  tokens = await service.client().signIn(ann)
})
afterAll(async () => {
  await service.stop()
  await rm(folder, { recursive: true })
})

const run = (args: readonly string[], settings: Record<string, string> = {}) =>
  start(process.execPath, [launcher, ...args], settings, folder)
/** Runs in the folder that holds `data`, so that the key is found as it is for an operator. */
const cli = (...args: string[]) => run([...args, '--url', service.internalUrl])

async function json(...args: string[]): Promise<Record<string, unknown>> {
  const { code, out, err } = await cli(...args, '--json')
  expect([code, err]).toEqual([0, ''])
  return JSON.parse(out) as Record<string, unknown>
}
async function words(...args: string[]): Promise<string> {
  const { code, out, err } = await cli(...args)
  expect([code, err]).toEqual([0, ''])
  return out
}

describe('every command of the command line', () => {
  test('users find prints the user', async () => {
    expect(await words('users', 'find', ann.username.slice(0, 6))).toMatch(
      new RegExp(`^ID .*\\n${ann.id} +${ann.username} +${ann.email} +no +- +1 +20\\d\\d-`),
    )
    const user = { id: ann.id, username: ann.username, live_sessions: 1, disabled_at: null }
    for (const way of [['--id', String(ann.id)], ['--email', ann.email], [ann.username]])
      expect(await json('users', 'find', ...way)).toMatchObject({ items: [user], next_cursor: null })
    expect(await words('users', 'find', 'nobodyhasthis')).toBe('No users were found.\n')
  })

  test('sessions list prints the sessions of a user', async () => {
    expect(await words('sessions', 'list', String(ann.id))).toContain(tokens.session.id)
    expect(await json('sessions', 'list', String(ann.id))).toMatchObject({
      items: [{ id: tokens.session.id }],
    })
  })

  test('sessions end ends one session', async () => {
    const other = await service.client().signIn(ann)
    expect(await words('sessions', 'end', String(ann.id), other.session.id)).toBe(
      `The session has ended; ${ann.username} (${ann.id}) has 1 session left.\n`,
    )
    expect((await service.client().get('/v1/users/me', other.access_token)).body).toMatchObject({
      reason: 'terminated_by_admin',
    })
    expect((await service.client().get('/v1/users/me', tokens.access_token)).status).toBe(200)
  })

  test('sessions end --all ends all sessions of a user', async () => {
    expect(await words('sessions', 'end', String(ann.id), '--all', '--yes')).toContain('have ended')
    expect((await service.client().get('/v1/users/me', tokens.access_token)).status).toBe(401)
    expect(await json('sessions', 'end', String(ann.id), '--all', '--yes')).toMatchObject({
      live_sessions: 0,
    })
  })

  test('users roles replaces the roles of a user', async () => {
    expect(await words('users', 'roles', String(ann.id), 'moderator,editor')).toContain('editor, moderator')
    expect(await json('users', 'roles', String(ann.id), '')).toMatchObject({ roles: [] })
    const { code, err } = await cli('users', 'roles', String(ann.id), 'Not A Role')
    expect([code, err]).toEqual([1, expect.stringContaining('roles: A role has')])
  })

  test('users disable and enable change whether a user may sign in', async () => {
    const args = ['users', 'disable', String(ann.id), '--reason', 'Spam', '--yes']
    expect(await words(...args)).toBe(`${ann.username} (${ann.id}) is disabled without an end: Spam\n`)
    const { username, password } = ann
    const refused = await service.client().post('/v1/sessions', { username, password })
    expect(refused.body).toMatchObject({ code: 'user_disabled' })
    expect(await json('users', 'enable', String(ann.id))).toMatchObject({ disabled_at: null })
    tokens = await service.client().signIn(ann)
  })

  test('sessions end --all-users counts, then ends every session', async () => {
    expect(await words('sessions', 'end', '--all-users', '--dry-run')).toBe(
      '1 session of all users would end.\n',
    )
    const { code, out } = await cli('sessions', 'end', '--all-users', '--yes')
    expect([code, out]).toEqual([0, '1 session of all users ended. Everybody signs in again.\n'])
    expect((await service.client().get('/v1/users/me', tokens.access_token)).body).toMatchObject({
      reason: 'terminated_by_admin',
    })
    expect(await json('sessions', 'end', '--all-users', '--dry-run')).toEqual({ live: 0 })
    tokens = await service.client().signIn(ann)
  })

  test.each([
    ['users', 'disable', '1', '--reason', 'Spam'],
    ['sessions', 'end', '1', '--all'],
    ['sessions', 'end', '--all-users'],
  ])('%s %s %s without a terminal and without --yes changes nothing', async (...args) => {
    const { code, out, err } = await cli(...args)
    expect([code, out, err]).toEqual([2, '', `${NO_TERMINAL}\n`])
    expect((await service.client().get('/v1/users/me', tokens.access_token)).status).toBe(200)
  })

  test('invitations create, list and revoke manage invitations', async () => {
    expect(await words('invitations', 'list')).toBe('There are no invitations.\n')
    expect(await words('invitations', 'create', '--uses', '2', '--note', 'Class')).toMatch(
      /^Invitation 1 for 2 sign-ups, until 20.*Z\. It is not shown again:\n[\w-]{43}\n$/,
    )
    expect(await json('invitations', 'list')).toMatchObject({
      items: [{ id: '1', uses_left: 2, note: 'Class' }],
    })
    expect(await words('invitations', 'revoke', '1')).toContain('invitation 1')
    expect(await json('invitations', 'list')).toEqual({ items: [], next_cursor: null })
  })

  test('keys list and rotate show and replace the signing key', async () => {
    const before = await json('keys', 'list')
    expect(before).toMatchObject({ algorithm: 'EdDSA', items: [{ state: 'signing' }] })
    expect(await words('keys', 'rotate')).toMatch(/^A new key signs new tokens from .*\.\n\nKID /)
    expect(await json('keys', 'rotate')).toMatchObject({ items: [{ state: 'signing' }, { state: 'coming' }] })
  })

  test('outbox list and replay show and repeat dead letters', async () => {
    expect(await words('outbox', 'list')).toBe('No deliveries were given up.\n')
    expect(await json('outbox', 'list', '--state', 'waiting')).toEqual({ items: [], next_cursor: null })
    expect(await json('outbox', 'replay', '--consumer', 'nobody')).toEqual({ replayed: 0 })
    const { code, err } = await cli('outbox', 'replay', '4711')
    expect([code, err]).toEqual([1, expect.stringContaining('delivery_not_found')])
  })

  test('doctor prints its findings', async () => {
    // On a busy machine it may warn that the database or the feed is slow.
    const { findings } = (await json('doctor')) as { findings: { check: string }[] }
    const lines = (await words('doctor')).split('\n')
    expect(lines[0]).toMatch(/^CHECK +STATUS +DETAIL$/)
    expect(lines[1]).toMatch(/^settings +ok +/)
    const printed = lines.flatMap((line) => /^([a-z_]+) +(?:ok|warning|failed) /.exec(line)?.[1] ?? [])
    expect(printed).toEqual(findings.map(({ check }) => check))
    expect(lines.at(-2)).toMatch(/^(All checks passed|0 failed, \d+ warnings?)\.$/)
  })
})

describe('failures of the command line', () => {
  test('a failed check of the doctor sets the exit code', async () => {
    const finding = { check: 'clock', status: 'failed', detail: 'It stands.', advice: 'Wind it up.' }
    const server = createServer((_request, response) =>
      response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(JSON.stringify({ status: 'failed', findings: [finding] })),
    )
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const { code, out, err } = await run(['doctor', '--url', url, '--key', 'any'])
    server.close()
    expect([code, err]).toEqual([1, ''])
    expect(out).toBe(
      'CHECK  STATUS  DETAIL\nclock  failed  It stands.\n               → Wind it up.\n\n1 failed, 0 warnings.\n',
    )
  })

  test(
    'the message for a wrong key names its source and never shows a key',
    { tags: ['OPS-9'] },
    async () => {
      const wrong = 'a-wrong-key-that-nobody-has-given-out'
      const ways: [string[], Record<string, string>, string][] = [
        [['--key', wrong], {}, '--key'],
        [[], { CHAT_AUTH_SERVICE_KEY: wrong }, 'CHAT_AUTH_SERVICE_KEY'],
        [[], { SERVICE_KEYS: `ops:operate:${wrong}` }, 'SERVICE_KEYS, the key ops'],
      ]
      for (const [args, settings, source] of ways) {
        const { code, out, err } = await run(['doctor', '--url', service.internalUrl, ...args], settings)
        expect([code, out]).toEqual([1, ''])
        expect(err).toContain(`refused the key from ${source}`)
        for (const key of [wrong, service.serviceKey]) expect(err).not.toContain(key)
      }
    },
  )

  test('a missing service key is wrong usage', async () => {
    const { code, err } = await run(['doctor', '--url', service.internalUrl], { DATA_DIR: '/nowhere' })
    expect([code, err]).toEqual([2, expect.stringContaining('/nowhere/service-key')])
  })

  test('a service that is not running is reported, with the address from .env', async () => {
    const elsewhere = await mkdtemp(join(tmpdir(), 'chat-auth-cli-'))
    await writeFile(
      join(elsewhere, '.env'),
      'INTERNAL_PORT=9\nSERVICE_KEYS=ops:operate:a-key-of-the-env-file-that-is-long\n',
    )
    const { code, out, err } = await start(process.execPath, [launcher, 'doctor', '--json'], {}, elsewhere)
    await rm(elsewhere, { recursive: true })
    expect([code, out]).toEqual([3, ''])
    expect(err).toContain('chat-auth is not reachable at http://127.0.0.1:9')
    expect(err).not.toContain('a-key-of-the-env-file')
  })

  test('the public listener is not accepted as the internal one', async () => {
    const ways = [['doctor'], ['keys', 'rotate'], ['users', 'find', 'ann'], ['sessions', 'list', '1']]
    for (const args of ways) {
      const { code, err } = await run([...args, '--url', service.url])
      expect([code, err]).toEqual([3, expect.stringContaining('INTERNAL_PORT, not PORT')])
    }
  })

  test('an unknown id is reported', async () => {
    const { code, out, err } = await cli('users', 'enable', '999999999')
    expect([code, out]).toEqual([1, ''])
    expect(err).toMatch(
      /^chat-auth refused: No user with this id\. Check the id\. \(user_not_found, request [\w-]+\)\n$/,
    )
  })

  test('wrong usage is reported on standard error', async () => {
    const { code, out, err } = await cli('users', 'disable', 'ann', '--reason', 'x')
    expect([code, out]).toEqual([2, ''])
    expect(err).toContain('--help')
  })

  test('the command line on an old Node.js names the version it needs', async () => {
    const pretend = `data:text/javascript,Object.defineProperty(process.versions,'node',{value:'20.19.0'})`
    const { code, err } = await start(process.execPath, ['--import', pretend, launcher, 'doctor'], {}, folder)
    expect([code, err]).toEqual([
      1,
      expect.stringMatching(/^chat-auth needs Node\.js 24\.2 or later, this is 20\.19\.0\./),
    ])
  })
})

test('npm links the command line, so that npx finds it in the checkout', async () => {
  const linked = join(root, 'node_modules/.bin/chat-auth')
  expect(existsSync(linked)).toBe(true)
  expect(await start(linked, ['--version'], {}, folder)).toMatchObject({ code: 0, err: '' })
})
