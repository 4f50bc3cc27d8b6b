// Restores a backup by the steps in docs/operations.md.
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { requireServer } from '../../../scripts/postgres/find-server.ts'
import {
  ACCEPTED,
  connect,
  endedAs,
  verdictOnToken,
  signedIn,
  signOut,
  ReportedEnds,
  waitUntil,
  type SignedIn,
} from '../../../end-to-end/connected.ts'
import { startServiceProcess, type ServiceProcess } from '../support/service-process.ts'
import { steadyPorts } from '../support/steady-ports.ts'
import { createTestDatabase } from '../support/test-database.ts'
import { TestClient, type Tokens } from '../support/test-client.ts'
import { migratedDatabase } from '../support/test-service.ts'

const drill = join(import.meta.dirname, '../../../deploy/postgres/restore.sh')
const launcher = join(import.meta.dirname, '../../bin/chat-auth.js')
const run = promisify(execFile)

async function postgresTool(name: string, ...args: string[]): Promise<void> {
  const { bin, env } = requireServer()
  await run(join(bin, name), args, { env })
}

/** Restores the dump into a new database, and replays these log lines. */
async function restore(
  dump: string,
  settings: Record<string, string>,
  log: readonly object[],
  sessions: string,
): Promise<string> {
  const { url, drop } = await createTestDatabase()
  onTestFinished(drop)
  const logFile = `${dump}.log`
  await writeFile(logFile, log.map((line) => `${JSON.stringify(line)}\n`).join(''))
  const { bin, env } = requireServer()
  const place = { ...env, ...settings, DATABASE_URL: url, CHAT_AUTH: `${process.execPath} ${launcher}` }
  await run('sh', [drill, dump, logFile, sessions], {
    cwd: tmpdir(),
    env: { ...place, PATH: `${bin}:${process.env['PATH'] ?? ''}` },
  })
  return url
}

/** Starts and ends some sessions. Returns their ids. */
async function passersBy(service: ServiceProcess): Promise<string[]> {
  const sessions: string[] = []
  for (let count = 0; count < 5; count += 1) {
    const passing = await signedIn(service)
    await signOut(passing)
    sessions.push(passing.tokens.session.id)
  }
  return sessions
}

/** The same user, with a client of that instance. */
const at = (service: ServiceProcess, person: SignedIn): SignedIn => ({ ...person, client: service.client() })

const statusOf = async ({ client, tokens }: SignedIn): Promise<number> =>
  (await client.get('/v1/users/me', tokens.access_token)).status

const refresh = async ({ client, tokens }: SignedIn): Promise<[number, string | undefined]> => {
  const { status, body } = await client.refresh(tokens.refresh_token)
  return [status, (body as { code?: string }).code]
}

/** A database, and the path of a dump of it. */
async function databaseToDump() {
  const place = await migratedDatabase()
  onTestFinished(place.remove)
  const folder = await mkdtemp(join(tmpdir(), 'chat-auth-backup-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  return { place, dump: join(folder, 'chat-auth.dump') }
}

test(
  'after a restore that keeps sessions, no ended session is live, and verifiers go on',
  { tags: ['SESSION-15'], timeout: 120_000 },
  async () => {
    const { place, dump } = await databaseToDump()
    const [port = 0, internalPort = 0] = await steadyPorts(2)
    const settings = { ...place.settings, PORT: String(port), INTERNAL_PORT: String(internalPort) }
    const before = await startServiceProcess(settings)
    onTestFinished(() => before.kill())

    const [early, late, renewed, staying, missed] = [
      await signedIn(before),
      await signedIn(before),
      await signedIn(before),
      await signedIn(before),
      await signedIn(before),
    ]
    const verifier = await connect(before)
    const told = new ReportedEnds(verifier)
    await signOut(early)
    await told.of(early.tokens.session.id)
    await postgresTool('pg_dump', '--format=custom', `--file=${dump}`, place.url)
    const loggedBefore = before.logs.length
    await signOut(late)
    await told.of(late.tokens.session.id)
    // The backup does not contain these users.
    for (const passing of await passersBy(before)) await told.of(passing)
    const { body } = await renewed.client.refresh(renewed.tokens.refresh_token)
    const { refresh_token: newest } = body as Tokens
    const vanished = await before.client().register()
    await before.stop()

    const url = await restore(dump, place.settings, before.logs.slice(loggedBefore), 'keep')
    const alone = await startServiceProcess({ ...place.settings, DATABASE_URL: url })
    onTestFinished(() => alone.kill())
    // The backup does not know about this sign-out, but the log does.
    expect(await statusOf(at(alone, late))).toBe(401)
    await expect(
      run(process.execPath, [launcher, 'restore'], {
        cwd: tmpdir(),
        env: { ...place.settings, DATABASE_URL: url },
      }),
    ).rejects.toThrow(/1 instances serve on this database/)
    // The seq of this end must be new to verifiers. They would take a known seq for an earlier end.
    await signOut(at(alone, missed))
    await passersBy(alone)
    await alone.stop()
    const after = await startServiceProcess({ ...settings, DATABASE_URL: url })
    onTestFinished(() => after.kill())

    for (const ended of [early, late]) expect(await refresh(ended)).toEqual([401, 'session_ended'])
    const newVerifier = await connect(after)
    // It may be connected, and fresh by what it knew before, and not have read the snapshot yet.
    await told.of(missed.tokens.session.id)
    for (const each of [verifier, newVerifier]) {
      await waitUntil(() => each.health().connected && each.health().fresh)
      expect(await verdictOnToken(each, early.tokens)).toBe(endedAs('signed_out'))
      expect(await verdictOnToken(each, late.tokens)).toMatch(/^session_ended, /)
      expect(await verdictOnToken(each, missed.tokens)).toBe(endedAs('signed_out'))
      expect(await verdictOnToken(each, staying.tokens)).toBe(ACCEPTED)
    }
    // This token is newer than the backup, which only knows the one before. The session follows it.
    expect((await after.client().refresh(newest)).status).toBe(200)

    const newTold = new ReportedEnds(newVerifier)
    expect(await refresh(staying)).toEqual([200, undefined])
    await signOut(staying)
    await Promise.all([told, newTold].map((each) => each.of(staying.tokens.session.id)))
    const { id } = await after.client().register()
    expect(id).toBeGreaterThan(vanished.id)
  },
)

test(
  'after a restore that ends sessions, every user signs in again, and bans are kept',
  { tags: ['SESSION-15'], timeout: 120_000 },
  async () => {
    const { place, dump } = await databaseToDump()
    const before = await startServiceProcess(place.settings)
    onTestFinished(() => before.kill())
    const [anna, banned] = [await signedIn(before), await signedIn(before)]
    await postgresTool('pg_dump', '--format=custom', `--file=${dump}`, place.url)
    await before.stop()
    const ban = { type: 'user.disabled', data: { user_id: banned.person.id, reason: 'Spam' } }
    const unknown = { event: 'user.disabled', user_id: 999_999, reason: 'Spam' }
    const url = await restore(dump, place.settings, [ban, unknown, { event: 'http.request' }], 'end')

    const after = await startServiceProcess({ ...place.settings, DATABASE_URL: url })
    onTestFinished(() => after.kill())
    expect(await refresh(at(after, anna))).toEqual([401, 'session_ended'])
    const operator = new TestClient(after.internalUrl, undefined, { token: after.serviceKey })
    expect(await operator.get('/v1/audit?action=database.restored')).toMatchObject({
      body: { items: [{ actor: 'system', data: { sessions: 'end' } }] },
    })
    await after.client().signIn(anna.person)
    const { username, password } = banned.person
    expect(await after.client().post('/v1/sessions', { username, password })).toMatchObject({
      body: { code: 'user_disabled' },
    })
  },
)
