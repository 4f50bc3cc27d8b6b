// The whole import, on each database, with a row of every broken kind among a few thousand.
import { readFileSync } from 'node:fs'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { sql } from 'kysely'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runImport } from '../../../src/import.ts'
import type { Database } from '../../../src/infrastructure/postgres/database.ts'
import { createEmptyStore, type EmptyStore } from '../../support/empty-store.ts'
import { waitingForLocks } from '../../support/lock-waits.ts'
import {
  createOldDatabase,
  oldRow,
  oldRows,
  passlibHash,
  type OldDatabase,
} from '../../support/old-database.ts'
import { databaseNames, startOn, withoutMail, type TestService } from '../../support/test-service.ts'

const wholeHash = passlibHash('plum-kettle-orbit-91')

/** Numbers are ids; the word is the reason in the report. */
const broken = {
  100: [{ id: 0 }, 'id_invalid'],
  200: [{ id: -7 }, 'id_invalid'],
  300: [{ id: null }, 'id_invalid'],
  400: [{ username: null }, 'username_missing'],
  500: [{ username: 'ann' }, 'username_too_short'],
  600: [{ username: 'a'.repeat(33) }, 'username_too_long'],
  700: [{ username: 'anna banana' }, 'username_invalid_characters'],
  800: [{ username: 'anna\u202Egpj' }, 'username_invalid_characters'],
  900: [{ username: oldRow(1).username?.toUpperCase() ?? '' }, 'username_taken'],
  1000: [{ username: 'paypa1' }, 'username_looks_taken'],
  1200: [{ email: 'no address' }, 'email_invalid_characters'],
  1300: [{ email: 'anna@localhost' }, 'email_invalid_format'],
  1400: [{ email: oldRow(2).email?.toUpperCase() ?? '' }, 'email_taken'],
  1500: [{ password: null }, 'password_missing'],
  1600: [{ password: '' }, 'password_missing'],
  1700: [
    { password: '$2b$12$EixZaYVK1fsbw1ZfbX3OXePaWxn96p36WQoeG6Lruj3vjPGga31lW' },
    'password_hash_unknown',
  ],
  1800: [{ password: wholeHash.replace('$29000$', '$9000000$') }, 'password_hash_unknown'],
  1900: [{ password: wholeHash.slice(0, -1) }, 'password_hash_unknown'],
  2000: [{ id: 3 }, 'id_taken'],
} as const

const people = oldRows(1, 2_500).map((row) => {
  const id = row.id ?? 0
  if (id in broken) return oldRow(id, broken[id as keyof typeof broken][0])
  if (id === 10) return oldRow(id, { username: 'Ann_Example', email: 'Ann@Example.org', password: wholeHash })
  if (id === 11) return oldRow(id, { username: 'paypal', avatar_url: 'https://old.example/11.png' })
  // Latin and Cyrillic in one name, which nobody may choose any more.
  if (id === 12) return oldRow(id, { username: 'pаrty', password: wholeHash })
  if (id === 13) return oldRow(id, { email: '', password: wholeHash })
  if (id === 14) return oldRow(id, { email: null })
  return row
})
const brokenCount = Object.keys(broken).length

let folder: string
beforeAll(async () => (folder = await mkdtemp(join(tmpdir(), 'chat-auth-reports-'))))
afterAll(() => rm(folder, { recursive: true }))

let runs = 0

async function importFrom(
  old: OldDatabase,
  { config }: Pick<EmptyStore, 'config'>,
  dryRun = false,
  messagingUrl?: string,
) {
  const report = join(folder, `${(runs += 1)}.jsonl`)
  const stderr = new PassThrough()
  const options = { from: old.url, dryRun, report }
  const counts = await runImport(
    options,
    { ...config, reservedUsernames: ['admin'], messagingUrl, mail: { kind: 'off' } },
    {
      stdout: new PassThrough(),
      stderr,
      shouldStop: () => false,
    },
  )
  const text = readFileSync(report, 'utf8')
  const lines = text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as { id: unknown; outcome: string; reason: string; taken_by?: number })
  return { counts, report: text, lines, words: String(stderr.read()) }
}

/** All that an import may change. */
async function stateOf(db: Database) {
  const users = await db.selectFrom('users').selectAll().orderBy('id').execute()
  const looks = await db.selectFrom('username_looks').selectAll().orderBy('look').execute()
  const endings = await db
    .selectFrom('username_endings')
    .select(['user_id', 'ending'])
    .orderBy('user_id')
    .orderBy(sql`length(ending)`, 'desc')
    .execute()
  const events = await db.selectFrom('outbox').selectAll().execute()
  const entries = await db.selectFrom('audit_log').selectAll().orderBy('id').execute()
  const sequence = await sql<{ last: number }>`
    select pg_sequence_last_value(pg_get_serial_sequence('users', 'id')::regclass) as last`.execute(db)
  return { users, looks, endings, events, entries, lastId: sequence.rows[0]?.last }
}

async function stateIn(place: EmptyStore): Promise<Awaited<ReturnType<typeof stateOf>>> {
  const { db, close } = await place.open()
  return stateOf(db).finally(close)
}

describe.each(databaseNames)('an import into %s', (database) => {
  let old: OldDatabase
  let place: EmptyStore
  let dryRun: Awaited<ReturnType<typeof importFrom>>
  let tablesAfterRehearsal: string[]
  let first: Awaited<ReturnType<typeof importFrom>>
  let before: Awaited<ReturnType<typeof stateOf>>
  let service: TestService | undefined

  const running = (): TestService => {
    if (service === undefined) throw new Error('the service was not started')
    return service
  }

  beforeAll(async () => {
    old = await createOldDatabase(people)
    place = await createEmptyStore(database)
    dryRun = await importFrom(old, place, true)
    tablesAfterRehearsal = await whatIsIn(place)
    first = await importFrom(old, place)
    before = await stateIn(place)
  }, 120_000)

  afterAll(async () => {
    await service?.stop()
    await place.remove()
    await old.drop()
  })

  test('an import counts every row as imported, already there or skipped', () => {
    const imported = people.length - brokenCount
    expect(first.counts).toEqual({
      read: people.length,
      imported,
      alreadyThere: 0,
      skipped: brokenCount,
      pictures: 1,
      isDone: true,
    })
    expect(before.users).toHaveLength(imported)
  })

  test('an import reports each skipped row with its id and reason, without personal data', () => {
    const skipped = first.lines.filter(({ outcome }) => outcome === 'skipped')
    const wanted = Object.entries(broken).map(([id, [change, reason]]) => ({
      id: 'id' in change ? change.id : Number(id),
      reason,
    }))
    expect(skipped.map(({ id, reason }) => ({ id, reason }))).toEqual(expect.arrayContaining(wanted))
    expect(skipped).toHaveLength(wanted.length)
    expect(skipped.find(({ reason }) => reason === 'username_looks_taken')).toMatchObject({ taken_by: 11 })
    expect(skipped.find(({ reason }) => reason === 'email_taken')).toMatchObject({ taken_by: 2 })
    expect(first.report).not.toMatch(/pbkdf2-sha256\$\d|\$2b|@example|paypa|banana/i)
  })

  test('an import keeps names of older rules and users without an address, and reports them', () => {
    expect(first.lines.filter(({ outcome }) => outcome !== 'skipped')).toEqual([
      expect.objectContaining({ id: 12, outcome: 'imported', reason: 'username_of_older_rules' }),
      expect.objectContaining({ id: 13, outcome: 'imported', reason: 'email_missing' }),
      expect.objectContaining({ id: 14, outcome: 'imported', reason: 'email_missing' }),
    ])
    const withoutAddress = before.users.filter(({ email, email_key: key }) => email === null && key === null)
    expect(withoutAddress.map(({ id }) => id)).toEqual([13, 14])
  })

  test('an import keeps ids, names, addresses and hashes as they are', () => {
    expect(before.users.find(({ id }) => id === 10)).toEqual({
      id: 10,
      username: 'Ann_Example',
      username_key: 'ann_example',
      roles: [],
      email: 'Ann@example.org',
      email_key: 'ann@example.org',
      email_verified: false,
      email_version: 1,
      password_hash: wholeHash,
      password_version: 1,
      factors: [],
      factors_version: 1,
      created_at: expect.any(Date) as Date,
      disabled_at: null,
      disabled_reason: null,
      disabled_until: null,
      disabled_public_reason: null,
      avatar: null,
      deleted_at: null,
    })
  })

  test('imported users are found by any part of their name', () => {
    const wanted = before.users.flatMap(({ id, username_key: key }) =>
      Array.from(key, (_, at) => ({ user_id: id, ending: Array.from(key).slice(at).join('') })),
    )
    expect(before.endings).toEqual(wanted)
  })

  test('an import writes no events: consumers know these users by the same ids', () => {
    expect(before.events).toEqual([])
  })

  test('the audit log says when users were imported and how many', { tags: ['AUDIT-8'] }, () => {
    for (const entry of before.entries)
      expect(entry).toMatchObject({
        actor: 'system',
        action: 'users.imported',
        result: 'success',
        subject: null,
        ip: null,
      })
    const ranges = before.entries.map(
      ({ data }) => data as { count: number; first_id: number; last_id: number },
    )
    expect(ranges.map(({ last_id: last }) => last)).toEqual([999, 1_999, 2_500])
    for (const { count, first_id: first, last_id: last } of ranges)
      expect(before.users.filter(({ id }) => id >= first && id <= last)).toHaveLength(count)
    expect(ranges.reduce((sum, { count }) => sum + count, 0)).toBe(before.users.length)
  })

  test('a dry run on an empty database counts and reports the same, and writes nothing', () => {
    expect(dryRun.counts).toEqual(first.counts)
    expect(dryRun.report).toBe(first.report)
    expect(dryRun.words).toContain('would be imported')
    expect(tablesAfterRehearsal).toEqual([])
  })

  test('a second import changes nothing', async () => {
    const again = await importFrom(old, place)
    const { read, imported, skipped } = first.counts
    expect(again.counts).toMatchObject({ read, imported: 0, alreadyThere: imported, skipped })
    expect(again.report).toBe(first.report.replaceAll('"imported"', '"already_there"'))
    expect(await stateIn(place)).toEqual(before)
  })

  test('a dry run with more users to import writes nothing', async () => {
    await old.add([oldRow(2_501)])
    const again = await importFrom(old, place, true)
    expect(again.counts).toMatchObject({ imported: 1, alreadyThere: first.counts.imported })
    expect(await stateIn(place)).toEqual(before)
  })

  describe('a service that starts after an import', () => {
    beforeAll(async () => {
      service = await startOn({ ...place, remove: () => Promise.resolve() }, withoutMail)
    })

    test.each(['ann_example', 'ANN@example.org'])(
      '%s signs in with the old password, which is then hashed anew',
      async (username) => {
        const password = 'plum-kettle-orbit-91'
        await running().client().signIn({ id: 10, username, email: '', password })
        const { users } = await stateOf(running().service.db)
        expect(users.find(({ id }) => id === 10)?.password_hash).toMatch(/^\$argon2id\$/)
        expect(users.find(({ id }) => id === 12)?.password_hash).toBe(wholeHash)
        await running().client().signIn({ id: 10, username, email: '', password })
        const wrong = await running()
          .client()
          .post('/v1/sessions', { username, password: 'plum-kettle-orbit-92' })
        expect(wrong.status).toBe(401)
      },
    )

    test('an imported user signs in with a name that follows older rules', async () => {
      await running()
        .client()
        .signIn({ id: 12, username: 'Pаrty', email: '', password: 'plum-kettle-orbit-91' })
    })

    test('a user without an address signs in, sees null, and sets an address that then signs in', async () => {
      const password = 'plum-kettle-orbit-91'
      const username = oldRow(13).username ?? ''
      const client = running().client()
      const { access_token: token } = await client.signIn({ id: 13, username, email: '', password })
      const own = await client.get('/v1/users/me', token)
      expect(own).toMatchObject({ status: 200, body: { id: 13, email: null, email_verified: false } })
      const exported = await client.get('/v1/users/me/export', token)
      expect(exported).toMatchObject({ status: 200, body: { user: { id: 13, email: null } } })
      const found = await running().operator().get('/v1/users/13')
      expect(found).toMatchObject({ status: 200, body: { id: 13, email: null } })
      const changed = await client.patch('/v1/users/me', { email: 'late@example.org' }, token)
      expect(changed).toMatchObject({
        status: 200,
        body: { email: 'late@example.org', email_verified: false },
      })
      await client.signIn({ id: 13, username: 'late@example.org', email: '', password })
    })

    test('users who register after an import get ids above all imported ones', async () => {
      const { id } = await running().client().register()
      expect(id).toBeGreaterThan(2_500)
    })

    test.each([
      ['the name', { username: 'ann_example' }, 'username_taken'],
      ['the name in capitals', { username: 'ANN_EXAMPLE' }, 'username_taken'],
      ['a name that looks like theirs', { username: 'paypaI' }, 'username_taken'],
      ['the address', { email: 'ANN@EXAMPLE.ORG' }, 'email_taken'],
    ])('users who register cannot take %s of an imported user', async (_, wanted, code) => {
      const body = {
        username: 'newcomer_zz',
        email: 'zz@example.net',
        password: 'violet-harbour-62-moss',
        ...wanted,
      }
      const response = await running().client().post('/v1/users', body)
      expect(response).toMatchObject({ status: 409, body: { code } })
    })
  })
})

async function whatIsIn({ config }: EmptyStore): Promise<string[]> {
  if (config.databaseUrl === undefined) return readdir(config.dataDir)
  const client = new pg.Client(config.databaseUrl)
  await client.connect()
  const { rows } = await client.query<{ tablename: string }>(
    `select tablename from pg_tables where schemaname = 'public'`,
  )
  await client.end()
  return rows.map(({ tablename }) => tablename)
}

describe('an import beside a running service', () => {
  let old: OldDatabase
  let place: EmptyStore

  beforeAll(async () => {
    place = await createEmptyStore('PostgreSQL')
    old = await createOldDatabase(oldRows(1, 5))
    await importFrom(old, place)
  })
  afterAll(async () => {
    await place.remove()
    await old.drop()
  })

  test('a name that is registered during an import stays with that user, and the row is skipped', async () => {
    await old.add(oldRows(6, 10))
    const url = place.config.databaseUrl ?? ''
    const other = new pg.Client(url)
    await other.connect()
    const name = oldRow(8).username
    await other.query('begin')
    await other.query(
      `insert into users (id, username, username_key, email, email_key, email_verified, password_hash, password_version, roles, created_at)
       values (1000, $1, $1, 'me@example.net', 'me@example.net', false, '$argon2id$', 1, '{}', now())`,
      [name],
    )
    const importing = importFrom(old, place)
    await waitingForLocks(url, 1)
    await other.query('commit')
    await other.end()
    const { counts, lines } = await importing
    expect(counts).toMatchObject({ imported: 4, alreadyThere: 5, skipped: 1 })
    expect(lines).toEqual([expect.objectContaining({ id: 8, reason: 'username_taken' })])
  })

  test('no user is imported who is not recorded', { tags: ['AUDIT-8'] }, async () => {
    await old.add(oldRows(13, 14))
    const { db, close } = await place.open()
    try {
      const count = () =>
        db
          .selectFrom('users')
          .select(sql<number>`count(*)`.as('count'))
          .executeTakeFirst()
      const before = await count()
      await sql`alter table audit_log add constraint full_disk check (false) not valid`.execute(db)
      await expect(importFrom(old, place)).rejects.toThrow(/full_disk/)
      expect(await count()).toEqual(before)
      await sql`alter table audit_log drop constraint full_disk`.execute(db)
      const { counts } = await importFrom(old, place)
      expect(counts.imported).toBe(2)
    } finally {
      await close()
    }
  })

  test('an import does not take a name that is held for a deleted or renamed user', async () => {
    const { db, close } = await place.open()
    const hold = (name: string | null, user: number | null) =>
      sql`insert into released_names values (sha256(convert_to(${name}, 'UTF8')), 'infinity', ${user})`.execute(
        db,
      )
    await hold(oldRow(11).username, null)
    await hold(oldRow(12).username, 1)
    await close()
    await old.add(oldRows(11, 12))
    const { lines } = await importFrom(old, place)
    for (const id of [11, 12])
      expect(lines).toContainEqual(expect.objectContaining({ id, reason: 'username_held' }))
  })
})
