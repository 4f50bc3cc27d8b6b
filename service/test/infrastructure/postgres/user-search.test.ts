// The cost of a search and a list of many users, by the rows that PostgreSQL reads.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { SearchCursor } from '../../../src/domain/user-search.ts'
import type { UserId } from '../../../src/domain/user.ts'
import { addEndings } from '../../../src/infrastructure/postgres/user-search.ts'
import { noon } from '../../support/builders.ts'
import { openOnServer, type PostgresStore } from './open-store.ts'

const PEOPLE = 30_000
const PAGE = 21
/** For each kind of match, a page and the rows it skips. One name in a hundred is that of a disabled user. */
const READ_AT_MOST = 15 * PAGE

/** How often a table was read as a whole, and how many rows were read by indexes. */
async function counted(store: PostgresStore): Promise<{ whole: number; read: number }> {
  await store.pool.query('select pg_stat_force_next_flush()')
  const { rows } = await store.pool.query<{ whole: number; read: number }>(
    `select
       (select sum(seq_scan) from pg_stat_user_tables where relname in ('users', 'username_endings')) as whole,
       (select sum(idx_tup_read) from pg_stat_user_indexes
        where relname in ('users', 'username_endings')) as read`,
  )
  return { whole: Number(rows[0]?.whole), read: Number(rows[0]?.read) }
}

describe('a search among 30,000 users', () => {
  let store: PostgresStore

  beforeAll(async () => {
    // One connection, because the server counts the reads of each connection.
    store = await openOnServer(1)
    await store.pool.query(
      `insert into users (username, username_key, email, email_key, email_verified, email_version, password_hash, password_version,
         roles, created_at, disabled_at)
       select name, name, n, n, false, 1, '$argon2id$x', 1, '{}', now(), case when n % 100 = 0 then now() end
       from generate_series(1, ${PEOPLE}) as n,
         lateral (select (array['anna', 'joanna', 'bert', 'otto', 'mississippi'])[1 + n % 5] || md5(n::text) as long) as made,
         lateral (select left(long, 20) as name) as cut`,
    )
    for (let first = 1; first <= PEOPLE; first += 1_000) {
      const ids = Array.from({ length: 1_000 }, (_, number) => first + number)
      await addEndings(store.db, ids)
    }
    await store.pool.query('analyze')
  })
  afterAll(() => store.close())

  test.each([
    ['one letter', 'a'],
    ['one letter that names hold many times', 's'],
    ['a digit', '7'],
    ['two letters', 'nn'],
    ['what many begin with', 'anna'],
    ['what many hold', 'issi'],
    ['what few hold', 'f00d'],
    ['what nobody holds', 'zebra'],
    ['a sign', '_'],
  ])('a search for %s scans neither table, on the first page and later', async (_, fragment) => {
    let after: SearchCursor | undefined
    for (let page = 0; page < 20; page += 1) {
      const before = await counted(store)
      const search = { fragment, after, limit: PAGE, except: 1 as UserId, withDisabled: false, now: noon }
      const found = await store.users.search(search)
      const { whole, read } = await counted(store)
      expect(whole).toBe(before.whole)
      expect(read - before.read).toBeLessThan(READ_AT_MOST)
      after = found.at(-1)?.cursor
      if (after === undefined) break
    }
  })
})

describe('a list of 100,000 users, of whom the newest half is deleted and few are disabled', () => {
  const COUNT = 100_000
  let store: PostgresStore

  beforeAll(async () => {
    // One connection, because the server counts the reads of each connection.
    store = await openOnServer(1)
    // In parts, because of the deadline of a statement.
    for (let first = 1; first < COUNT; first += 10_000) {
      await store.pool.query(
        `insert into users (username, username_key, email, email_key, email_verified, email_version, password_hash, password_version,
         roles, created_at, disabled_at, deleted_at)
       select name, name, name, name, false, 1, '$argon2id$x', 1, '{}', now(),
         case when n % 2000 = 0 and n <= ${COUNT / 2} then now() end, case when n > ${COUNT / 2} then now() end
       from generate_series(${first}, ${first + 9_999}) as n, lateral (select 'user' || n as name) as named`,
      )
    }
    await store.pool.query('analyze users')
  })
  afterAll(() => store.close())

  test.each([
    ['all users', false, COUNT / 2],
    ['the disabled users', true, COUNT / 2],
  ])(
    'a page of %s reads no more users than it shows',
    { tags: ['ADMIN-5'] },
    async (_, onlyDisabled, newest) => {
      for (const before of [undefined, (COUNT / 4) as UserId]) {
        const start = await counted(store)
        const page = await store.users.newest({ onlyDisabled, before, limit: 10, now: noon })
        const end = await counted(store)
        expect(page).toHaveLength(10)
        expect(page[0]?.id).toBe(before === undefined ? newest : COUNT / 4 - (onlyDisabled ? 1_000 : 1))
        expect(end.whole).toBe(start.whole)
        expect(end.read - start.read).toBeLessThan(30)
      }
    },
  )
})
