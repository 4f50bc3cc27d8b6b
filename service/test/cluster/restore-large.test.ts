// A restore with many rows. RESTORE_SCALE=20 makes it 1,000,000 revocations and 50,000 ended sessions.
import { execFile } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { migratedDatabase } from '../support/test-service.ts'

const scale = Number(process.env['RESTORE_SCALE'] ?? 1)
const REVOCATIONS = 50_000 * scale
const SESSIONS = 2_500 * scale
const launcher = join(import.meta.dirname, '../../bin/chat-auth.js')

const fill = [
  `insert into users (username, username_key, email, email_key, email_verified, email_version, password_hash, password_version, roles, created_at)
     select 'u' || n, 'u' || n, 'u' || n || '@example.org', 'u' || n || '@example.org', false, 1, 'x', 1, '{}', now()
     from generate_series(1, ${SESSIONS}) as n`,
  `insert into sessions (user_id, id, generation, confirmed_generation, created_at, refreshed_at, last_seen_at,
       idle_expires_at, expires_at, check_after, device_name, user_agent, address, auth_time, amr)
     select id, gen_random_uuid(), 3, 3, now(), now(), now(), now() + '30 days', now() + '90 days', now() + '30 days',
       '', '', '192.0.2.1', now(), '{pwd}' from users`,
  `insert into revocations (session_id, user_id, reason, expires_at)
     select gen_random_uuid(), 1, 'signed_out', now() + '1 hour' from generate_series(1, ${REVOCATIONS})`,
]

/** Runs `chat-auth restore --sessions=keep` with these lines on standard input. */
const restore = (settings: Record<string, string>, lines: readonly string[]): Promise<string> =>
  new Promise((resolve, reject) => {
    const options = { cwd: tmpdir(), env: { ...settings } }
    const child = execFile(
      process.execPath,
      [launcher, 'restore', '--sessions=keep', '--yes'],
      options,
      (error, out) => {
        if (error === null) resolve(out)
        else reject(new Error(error.message, { cause: error }))
      },
    )
    child.stdin?.end(lines.join('\n'))
  })

test('a restore numbers and ends many rows in batches, and repeating it changes nothing', async () => {
  const { url, settings, remove } = await migratedDatabase()
  onTestFinished(remove)
  const client = new pg.Client(url)
  await client.connect()
  onTestFinished(() => client.end())
  for (const statement of fill) await client.query(statement)
  const { rows } = await client.query<{ user_id: string; id: string }>('select user_id, id from sessions')
  const lines = rows.map(({ user_id, id }) =>
    JSON.stringify({
      event: 'session.ended',
      user_id: Number(user_id),
      session_id: id,
      reason: 'signed_out',
    }),
  )
  const began = performance.now()
  // As after a crash in the middle: the first half is repeated.
  expect(await restore(settings, lines.slice(0, SESSIONS / 2))).toContain(`ended again: ${SESSIONS / 2}\n`)
  expect(await restore(settings, lines)).toContain(`ended again: ${SESSIONS / 2}\n`)
  console.log(`${REVOCATIONS} revocations, ${SESSIONS} ends: ${Math.round(performance.now() - began)} ms`)
  const { rows: counts } = await client.query(`select
    (select count(*)::int from sessions where end_reason = 'signed_out') as ended,
    (select count(*)::int from outbox where type = 'session.ended') as events,
    (select count(distinct seq)::int from revocations) as numbered,
    (select last_seq::int from revocation_log) as last_seq`)
  const all = REVOCATIONS + SESSIONS
  expect(counts).toEqual([{ ended: SESSIONS, events: SESSIONS, numbered: all, last_seq: all }])
}, 300_000)
