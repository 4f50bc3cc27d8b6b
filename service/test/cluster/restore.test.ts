// What docs/operations.md says about restoring a backup, done as it says.
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { requireServer } from '../../../scripts/postgres/find-server.ts'
import {
  ACCEPTED,
  connect,
  endedAs,
  judge,
  signedIn,
  signOut,
  Told,
  waitUntil,
  type SignedIn,
} from '../../../verifier/test/end-to-end/connected.ts'
import { startServiceProcess, type ServiceProcess } from '../support/service-process.ts'
import { steadyPorts } from '../support/steady-ports.ts'
import { createTestDatabase } from '../support/test-database.ts'
import type { Tokens } from '../support/test-client.ts'
import { migratedDatabase } from '../support/test-service.ts'

const afterRestore = readFileSync(
  new URL('../../../deploy/postgres/after-restore.sql', import.meta.url),
  'utf8',
)
const launcher = join(import.meta.dirname, '../../bin/chat-auth.js')
const run = promisify(execFile)

async function postgresTool(name: string, ...args: string[]): Promise<void> {
  const { bin, env } = requireServer()
  await run(join(bin, name), args, { env })
}

/** The new database holds what the dump does, with what an operator then runs on it. */
async function restore(dump: string): Promise<string> {
  const { url, drop } = await createTestDatabase()
  onTestFinished(drop)
  await postgresTool('pg_restore', '--no-owner', '--exit-on-error', `--dbname=${url}`, dump)
  const client = new pg.Client(url)
  await client.connect()
  await client.query(afterRestore)
  await client.end()
  return url
}

/** Ends again what the log says has ended. Sessions that began after the backup are unknown, and the loop goes on. */
async function endAgain(service: ServiceProcess, log: readonly Record<string, unknown>[]): Promise<void> {
  for (const { event, user_id, session_id } of log) {
    if (event !== 'session.ended') continue
    const args = ['sessions', 'end', String(user_id), String(session_id), '--url', service.internalUrl]
    await run(process.execPath, [launcher, ...args], {
      cwd: tmpdir(),
      env: { CHAT_AUTH_SERVICE_KEY: service.serviceKey },
    }).catch((error: unknown) => {
      expect((error as { code: number }).code).toBe(1)
    })
  }
}

/** Sessions that begin and end. Answers which. */
async function passersBy(service: ServiceProcess): Promise<string[]> {
  const sessions: string[] = []
  for (let count = 0; count < 5; count += 1) {
    const passing = await signedIn(service)
    await signOut(passing)
    sessions.push(passing.tokens.session.id)
  }
  return sessions
}

/** The same person, who asks that instance. */
const at = (service: ServiceProcess, person: SignedIn): SignedIn => ({ ...person, client: service.client() })

const statusOf = async ({ client, tokens }: SignedIn): Promise<number> =>
  (await client.get('/v1/users/me', tokens.access_token)).status

const refresh = async ({ client, tokens }: SignedIn): Promise<[number, string | undefined]> => {
  const { status, body } = await client.refresh(tokens.refresh_token)
  return [status, (body as { code?: string }).code]
}

test('after a restored backup no session that had ended goes on, and verifiers go on', async () => {
  const place = await migratedDatabase()
  onTestFinished(place.remove)
  const folder = await mkdtemp(join(tmpdir(), 'chat-auth-backup-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const dump = join(folder, 'chat-auth.dump')
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
  const told = new Told(verifier)
  await signOut(early)
  await told.of(early.tokens.session.id)
  await postgresTool('pg_dump', '--format=custom', `--file=${dump}`, place.url)
  const loggedBefore = before.logs.length
  await signOut(late)
  await told.of(late.tokens.session.id)
  // Whom the backup does not know at all.
  for (const passing of await passersBy(before)) await told.of(passing)
  const { body } = await renewed.client.refresh(renewed.tokens.refresh_token)
  const { refresh_token: newest } = body as Tokens
  const vanished = await before.client().register()
  await before.stop()

  const url = await restore(dump)
  const alone = await startServiceProcess({ ...place.settings, DATABASE_URL: url })
  onTestFinished(() => alone.kill())
  // This is the danger: the backup does not know.
  expect(await statusOf(at(alone, late))).toBe(200)
  await endAgain(alone, before.logs.slice(loggedBefore))
  // Its number must not be one that verifiers have seen: they would take it for another end.
  await signOut(at(alone, missed))
  await passersBy(alone)
  await alone.stop()
  const after = await startServiceProcess({ ...settings, DATABASE_URL: url })
  onTestFinished(() => after.kill())

  for (const ended of [early, late]) expect(await refresh(ended)).toEqual([401, 'session_ended'])
  const newVerifier = await connect(after)
  for (const each of [verifier, newVerifier]) {
    await waitUntil(() => each.health().connected && each.health().fresh)
    expect(await judge(each, early.tokens)).toBe(endedAs('signed_out'))
    expect(await judge(each, late.tokens)).toMatch(/^session_ended, /)
    expect(await judge(each, missed.tokens)).toBe(endedAs('signed_out'))
    expect(await judge(each, staying.tokens)).toBe(ACCEPTED)
  }
  // It was handed out after the backup, which knows only the one before: the person signs in again.
  expect((await after.client().refresh(newest)).body).toMatchObject({ code: 'invalid_refresh_token' })
  await after.client().signIn(renewed.person)

  const newTold = new Told(newVerifier)
  expect(await refresh(staying)).toEqual([200, undefined])
  await signOut(staying)
  await Promise.all([told, newTold].map((each) => each.of(staying.tokens.session.id)))
  const { id } = await after.client().register()
  expect(id).toBeGreaterThan(vanished.id)
}, 120_000)
