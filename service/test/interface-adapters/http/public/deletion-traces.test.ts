// Searches everything that is stored for traces of a deleted account.
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { sql } from 'kysely'
import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import { requireServer } from '../../../../../scripts/postgres/find-server.ts'
import type { Database } from '../../../../src/infrastructure/postgres/database.ts'
import { addAuthenticator } from '../../../support/authenticator.ts'
import { StubServer } from '../../../support/stub-server.ts'
import type { TestClient } from '../../../support/test-client.ts'
import { type Tokens } from '../../../support/test-client.ts'
import { migratedDatabase, startOn, type TestService } from '../../../support/test-service.ts'
import { temporaryFolder } from '../../../support/temporary-folder.ts'

const ADDRESS = '203.0.113.219'
/** Of a refresh. */
const MOVED_ADDRESS = '203.0.113.222'
const MOVED_AGENT = 'Elsewhere/9.9'
const USER_AGENT = 'Traceable/7.3 (of the user)'
const PASSWORD = 'the password of the traceable one'

/** Every row of every table, as text. */
async function rowsOf(db: Database): Promise<string> {
  const tables = await sql<{ name: string }>`
    select format('%I.%I', schemaname, tablename) as name from pg_tables
    where schemaname not in ('pg_catalog', 'information_schema')`.execute(db)
  const texts: string[] = []
  for (const { name } of tables.rows) {
    const { rows } = await sql<{
      row: string
    }>`select each::text as row from ${sql.raw(name)} as each`.execute(db)
    texts.push(name, ...rows.map(({ row }) => row))
  }
  return texts.join('\n')
}

async function dumpOf(url: string): Promise<string> {
  const { bin, env } = requireServer()
  const options = { env, maxBuffer: 1 << 28 }
  const { stdout } = await promisify(execFile)(join(bin, 'pg_dump'), ['--dbname', url], options)
  return stdout
}

/** All files except PostgreSQL's own, as text and in hexadecimal for binary content. */
async function filesOf(folder: string): Promise<string> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const files = entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .filter((path) => !path.startsWith(join(folder, 'postgres/')))
  const contents = await Promise.all(files.map((path) => readFile(path)))
  return [...files, ...contents.map(String), ...contents.map((content) => content.toString('hex'))].join('\n')
}

const places = {
  PGlite: async () => {
    const place = await temporaryFolder()
    const read = async ({ service }: TestService) => [await rowsOf(service.db), await filesOf(place.folder)]
    return { place, read }
  },
  PostgreSQL: async () => {
    const place = await migratedDatabase()
    const read = async ({ service }: TestService) => [await rowsOf(service.db), await dumpOf(place.url)]
    return { place, read }
  },
}

/** Signs up a user and uses every feature that stores data about a user. */
async function traceable(service: TestService, client: TestClient) {
  const ask = (method: string, path: string, body?: unknown, token?: string) =>
    client.request(method, path, {
      body,
      ...(token !== undefined && { token }),
      headers: { 'user-agent': USER_AGENT },
    })
  const first = { username: 'Tracy.First', email: 'first.address@example.org', password: PASSWORD }
  const { id } = (await ask('POST', '/v1/users', first)).body as { id: number }
  const device = { device_id: 'device-of-tracy', device_name: 'Phone of the traceable' }
  const signIn = async () => (await ask('POST', '/v1/sessions', { ...first, ...device })).body as Tokens
  const replaced = await signIn()
  const tokens = await signIn()
  const { access_token: token } = tokens
  await ask('POST', '/v1/sessions/refresh', { refresh_token: replaced.refresh_token })
  const moved = { 'user-agent': MOVED_AGENT, 'x-forwarded-for': MOVED_ADDRESS }
  const refresh = { body: { refresh_token: tokens.refresh_token }, headers: moved }
  expect((await client.request('POST', '/v1/sessions/refresh', refresh)).status).toBe(200)
  await ask('POST', '/v1/sessions', { username: first.username, password: 'a wrong guess' })
  await ask('POST', '/v1/tickets', undefined, token)
  const changes = {
    username: 'Tracy_Second',
    email: 'second.address@example.org',
    current_password: PASSWORD,
  }
  expect((await ask('PATCH', '/v1/users/me', changes, token)).status).toBe(200)
  const bytes = await sharp({
    create: { width: 64, height: 64, channels: 3, background: '#a1b2c3' },
  })
    .png()
    .toBuffer()
  const form = new FormData()
  form.append('avatar', new File([new Uint8Array(bytes)], 'portrait-of-tracy.png', { type: 'image/png' }))
  await client.putForm('/v1/users/me/avatar', form, token)
  // A replayed token stores the address it came from.
  const stolen = (await ask('POST', '/v1/sessions', { ...first, username: changes.username })).body as Tokens
  let next = stolen
  for (let time = 0; time < 2; time += 1) {
    next = (await ask('POST', '/v1/sessions/refresh', { refresh_token: next.refresh_token })).body as Tokens
    await ask('GET', '/v1/users/me', undefined, next.access_token)
  }
  await service.service.receipts.flush()
  await ask('POST', '/v1/sessions/refresh', { refresh_token: stolen.refresh_token })
  const factor = await addAuthenticator(client, { ...tokens, access_token: token }, () => service.clock.now())
  return { id, token: factor.tokens.access_token }
}

async function whatIsStored(db: Database, id: number) {
  const user = await db.selectFrom('users').selectAll().where('id', '=', id).executeTakeFirstOrThrow()
  const picture = await db
    .selectFrom('avatars')
    .selectAll()
    .where('user_id', '=', id)
    .executeTakeFirstOrThrow()
  const { secret } = await db
    .selectFrom('totp_secrets')
    .selectAll()
    .where('user_id', '=', id)
    .executeTakeFirstOrThrow()
  const code = await db
    .selectFrom('recovery_codes')
    .selectAll()
    .where('user_id', '=', id)
    .executeTakeFirstOrThrow()
  return {
    'the secret of the authenticator': secret,
    'the hash of a recovery code': code.hash.toString('hex'),
    'the name': 'tracy_second',
    'the name as typed': 'Tracy_Second',
    'the address': 'second.address',
    'the device': 'Phone of the traceable',
    'its id': 'device-of-tracy',
    'the browser': 'Traceable/7.3',
    'the network address': ADDRESS,
    'the last browser': MOVED_AGENT,
    'the last address': MOVED_ADDRESS,
    'the hash': user.password_hash,
    'the name of the picture': picture.name,
    'the large picture': picture.large.toString('hex'),
    'the small picture': picture.small.toString('hex'),
  }
}

describe.each(['PGlite', 'PostgreSQL'] as const)('traces of a deleted account, on %s', (database) => {
  test('no stored data identifies a deleted user', { tags: ['DELETE-4', 'AUDIT-5'] }, async () => {
    const { place, read } = await places[database]()
    // Every delivery fails, so all of them stay in the outbox. The response body is stored as the error.
    const hooks = await StubServer.start()
    hooks.respond = ({ body }, response) => response.writeHead(500).end(body)
    const service = await startOn(place, {
      WEBHOOK_URLS: hooks.url,
      WEBHOOK_SECRETS: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
      WEBHOOK_ALLOW_PRIVATE: 'true',
    })
    try {
      const client = service.client(ADDRESS)
      const { id, token } = await traceable(service, client)
      await service.service.outbox.settle()
      const traces = await whatIsStored(service.service.db, id)
      const [rows = ''] = await read(service)
      for (const [what, trace] of Object.entries(traces))
        expect([what, rows.includes(trace)]).toEqual([what, true])
      expect(rows).toContain('Tracy.First')

      const body = { current_password: PASSWORD }
      expect((await client.request('DELETE', '/v1/users/me', { body, token })).status).toBe(204)
      await service.service.receipts.flush()
      // The wrong guess was not written before the deletion.
      await service.service.refusals.flush()
      await service.service.outbox.settle()

      const left = await read(service)
      const searched = {
        ...traces,
        'the first name': 'tracy.first',
        'the first address': 'first.address',
        'the file': 'portrait-of',
        'the password': PASSWORD,
      }
      // The user id is found, so the search covers the right data.
      expect(left[0]).toContain(`:${id}`)
      for (const text of left) {
        for (const [what, trace] of Object.entries(searched))
          expect([what, text.toLowerCase().includes(trace.toLowerCase())]).toEqual([what, false])
      }
      // As docs/security.md admits, a caller who knows a name can check that it was released.
      const hash = createHash('sha256').update('tracy_second').digest('hex')
      expect(left[0]).toContain(hash)
    } finally {
      await service.stop()
      await hooks.down()
    }
  })
})
