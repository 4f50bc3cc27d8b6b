// `chat-auth restore --dry-run` says what the restore does afterwards, and changes nothing. So does a restore that is not
// confirmed.
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { queryOn } from '../support/database-query.ts'
import { createTestDatabase } from '../support/test-database.ts'
import { migratedDatabase } from '../support/test-service.ts'

const launcher = join(import.meta.dirname, '../../bin/chat-auth.js')
const ANN = 1
const BOB = 2
const id = (user: number, number: number): string =>
  `019bd0a4-5a3c-7c7e-9a53-${String(user).padStart(6, '0')}${String(number).padStart(6, '0')}`

const fill = [
  `insert into users (username, username_key, email, email_key, email_verified, email_version, password_hash, password_version, roles, created_at)
     select 'u' || n, 'u' || n, 'u' || n || '@example.org', 'u' || n || '@example.org', false, 1, 'x', 1, '{}', now()
     from generate_series(1, 3) as n`,
  // Each has five sessions: one has expired unnoticed, one has ended.
  `insert into sessions (user_id, id, generation, confirmed_generation, created_at, refreshed_at, last_seen_at,
       idle_expires_at, expires_at, check_after, device_name, user_agent, address, auth_time, amr, ended_at, end_reason)
     select u, ('019bd0a4-5a3c-7c7e-9a53-' || lpad(u::text, 6, '0') || lpad(n::text, 6, '0'))::uuid, 3, 3,
       now() - interval '2 days', now(), now(), now() + (case n when 4 then '-1 hour' else '30 days' end)::interval,
       now() + interval '90 days', now() + interval '30 days', '', '', '192.0.2.1', now(), '{pwd}',
       case n when 5 then now() end, case n when 5 then 'signed_out' end
     from generate_series(1, 3) as u, generate_series(1, 5) as n`,
]
const ended = (user: number, number: number) => ({
  event: 'session.ended',
  user_id: user,
  session_id: id(user, number),
  reason: 'signed_out',
})
const log = [
  ended(ANN, 1),
  ended(ANN, 1),
  ended(ANN, 4),
  ended(ANN, 5),
  ended(ANN, 999),
  { type: 'user.disabled', data: { user_id: BOB, reason: 'Spam' } },
  ended(BOB, 2),
  { event: 'user.enabled', user_id: ANN },
  { event: 'user.disabled', user_id: 999_999, reason: 'Spam' },
]

const restore = (
  settings: Record<string, string>,
  args: readonly string[],
  lines: readonly object[] = log,
): Promise<{ code: unknown; out: string; err: string }> =>
  new Promise((resolve) => {
    const options = { cwd: tmpdir(), env: settings }
    const child = execFile(process.execPath, [launcher, 'restore', ...args], options, (error, out, err) =>
      resolve({ code: error === null ? 0 : error.code, out, err }),
    )
    // The command may have refused before it reads.
    child.stdin?.on('error', () => undefined).end(lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
  })

async function restored() {
  const { url, settings, remove } = await migratedDatabase()
  onTestFinished(remove)
  const query = queryOn(url)
  for (const statement of fill) await query(statement)
  const state = () =>
    query(`select
      (select json_agg(s order by id) from sessions as s) as sessions,
      (select json_agg(u order by id) from users as u) as users,
      (select count(*) from revocations) as revocations,
      (select count(*) from outbox) as events,
      (select json_agg(l) from revocation_log as l) as log,
      pg_sequence_last_value(pg_get_serial_sequence('users', 'id')::regclass) as last_user`)
  return { settings, state, query }
}

const numbersIn = (text: string): string[] => text.match(/: \d+/g) ?? []

test.each(['end', 'keep'])(
  'a dry run with --sessions=%s has the numbers of the restore',
  async (sessions) => {
    const { settings, state } = await restored()
    const before = await state()
    const dryRun = await restore(settings, [`--sessions=${sessions}`, '--dry-run'])
    expect(dryRun).toMatchObject({ code: 0, err: '' })
    expect(dryRun.out).toMatch(
      /^Dry run for PostgreSQL at .*: nothing was changed\.\nSessions that would be /,
    )
    expect(await state()).toEqual(before)

    const real = await restore(settings, [`--sessions=${sessions}`, '--yes'])
    expect(real.code).toBe(0)
    // Of nine live sessions one ended again, and three of a banned user.
    expect(numbersIn(real.out)).toEqual([': 2', ': 1', ': 1', ': 1', ...(sessions === 'end' ? [': 5'] : [])])
    expect(numbersIn(dryRun.out)).toEqual(numbersIn(real.out))
  },
)

describe('a restore that changes nothing', () => {
  test('without a terminal and without --yes a restore stops with one line', async () => {
    const { settings, state } = await restored()
    const before = await state()
    expect(await restore(settings, [])).toEqual({
      code: 2,
      out: '',
      err: 'There is no terminal to confirm this at, so nothing was changed. Add --yes if you are sure.\n',
    })
    expect(await state()).toEqual(before)
  })

  test('a restore into an empty database is refused, and makes no tables', async () => {
    const { settings } = await restored()
    const { url, drop } = await createTestDatabase()
    onTestFinished(drop)
    for (const way of ['--yes', '--dry-run']) {
      const { code, out, err } = await restore({ ...settings, DATABASE_URL: url }, [way])
      expect([code, out]).toEqual([1, ''])
      expect(err).toMatch(/^There are no tables of chat-auth in PostgreSQL at .*\. Restore the backup .*\n$/)
    }
    expect(await queryOn(url)(`select to_regclass('chat_auth_migrations') as made`)).toEqual([{ made: null }])
  })

  test('a restore without an embedded database is refused, and makes none', async () => {
    const folder = join(tmpdir(), `chat-auth-none-${process.pid}`)
    const { code, err } = await restore({ DATA_DIR: folder }, ['--yes'])
    expect([code, err]).toEqual([1, expect.stringContaining(`no tables of chat-auth in ${folder}.`)])
    expect((await restore({ DATA_DIR: folder }, ['--dry-run'])).err).toBe(err)
    expect(existsSync(folder)).toBe(false)
  })

  test('a dry run cannot read a backup of an older version, and says so', async () => {
    const { settings, query, state } = await restored()
    await query(`delete from chat_auth_migrations where name > '0016'`)
    const before = await state()
    expect(await restore(settings, ['--dry-run'])).toMatchObject({
      code: 1,
      err: expect.stringMatching(/^The backup is of an older version, .*\n$/) as string,
    })
    expect(await state()).toEqual(before)
  })
})
