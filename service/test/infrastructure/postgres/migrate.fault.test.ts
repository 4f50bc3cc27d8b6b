import { CompiledQuery } from 'kysely'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { connectPool } from '../../../src/infrastructure/postgres/connect.ts'
import { migrate, migrations } from '../../../src/infrastructure/postgres/migrate.ts'
import { addSession, addUser, readSession } from '../../contracts/store.ts'
import { RunningScript } from '../../support/fixtures/running-script.ts'
import { createTestDatabase } from '../../support/test-database.ts'
import { openEmptyEmbedded, openEmptyOnServer, storeOver, type PostgresStore } from './open-store.ts'

type UsedStore = Omit<PostgresStore, 'close'>

const tablesOf = async ({ pool }: UsedStore): Promise<string[]> => {
  const { rows } = await pool.query<{ tablename: string }>(
    `select tablename from pg_tables where schemaname = 'public' order by tablename`,
  )
  return rows.map(({ tablename }) => tablename)
}

const migrationsOf = async ({ pool }: UsedStore): Promise<string[]> => {
  const { rows } = await pool.query<{ name: string }>('select name from chat_auth_migrations order by name')
  return rows.map(({ name }) => name)
}

async function expectToWork(store: UsedStore): Promise<void> {
  const session = await addSession(store, await addUser(store, 'anna'))
  expect(await readSession(store, session)).toEqual(session)
}

describe.each([
  ['PGlite', openEmptyEmbedded],
  ['PostgreSQL', openEmptyOnServer],
])('migrating on %s', (_, open) => {
  let store: PostgresStore

  beforeEach(async () => {
    store = await open()
  })
  afterEach(() => store.close())

  test('migrating an empty database makes it ready, and a second run changes nothing', async () => {
    await migrate(store.db)
    await expectToWork(store)
    const before = { tables: await tablesOf(store), migrations: await migrationsOf(store) }
    await migrate(store.db)
    expect({ tables: await tablesOf(store), migrations: await migrationsOf(store) }).toEqual(before)
    expect(
      (await store.users.findForSignIn({ usernameKey: 'anna', emailKey: undefined }, nowhere)).user,
    ).toBeDefined()
  })
  const nowhere = { deviceId: undefined, network: '192.0.2.1/32' }

  test('migrating a database that is ahead changes nothing, and this version works on it', async () => {
    await migrate(store.db)
    await store.pool.query('alter table users add column motto text')
    await store.pool.query('create table mottos ()')
    await store.pool.query("insert into chat_auth_migrations values ('9999-mottos', now())")
    const before = { tables: await tablesOf(store), migrations: await migrationsOf(store) }
    await migrate(store.db)
    expect({ tables: await tablesOf(store), migrations: await migrationsOf(store) }).toEqual(before)
    await expectToWork(store)
  })

  test.each([
    [
      'with other columns',
      'create table migrations (id int, name text, run_on timestamp)',
      `(1, '0001-initial', now())`,
    ],
    [
      'with the same columns',
      'create table migrations (name text, done_at timestamptz)',
      `('2024-first', now())`,
    ],
  ])('a table of migrations of another program, %s, is left alone', async (_, table, row) => {
    await store.pool.query(table)
    await store.pool.query(`insert into migrations values ${row}`)
    await migrate(store.db)
    await expectToWork(store)
    expect((await store.pool.query('select from migrations')).rowCount).toBe(1)
  })

  test('the list of migrations of an earlier version is taken over', async () => {
    await migrate(store.db)
    await store.pool.query('alter table chat_auth_migrations rename to migrations')
    await store.pool.query(`insert into migrations values ('9999-later', now())`)
    const before = (await store.pool.query('select * from migrations order by name')).rows
    await migrate(store.db)
    expect((await store.pool.query('select * from chat_auth_migrations order by name')).rows).toEqual(before)
    expect((await store.pool.query('select * from migrations order by name')).rows).toEqual(before)
  })

  test('a failed migration leaves nothing behind', async () => {
    await store.pool.query('create table attempts ()')
    await expect(migrate(store.db)).rejects.toMatchObject({ code: '42P07' })
    expect(await tablesOf(store)).toEqual(['attempts'])
    await store.pool.query('drop table attempts')
    await migrate(store.db)
    await expectToWork(store)
  })
})

test('four processes that migrate one empty database at the same time take turns', async () => {
  const { url, drop } = await createTestDatabase()
  const processes = Array.from({ length: 4 }, () => new RunningScript('migrate-database.ts', url))
  for (const each of processes) expect(await each.line()).toBe('ready')
  for (const each of processes) each.say('go')
  for (const each of processes) expect(await each.line()).toBe('migrated')
  await Promise.all(processes.map(({ exited }) => exited))
  const store = storeOver(connectPool(url, 1))
  expect(await migrationsOf(store)).toEqual(Object.keys(migrations))
  await expectToWork(store)
  await store.db.destroy()
  await drop()
})

/** From before the rule. */
const FIRST = ['0001-initial', '0002-feed-and-tickets', '0003-people', '0004-deliveries', '0005-media']

/** The tables from before the transaction that it has locked against writes. */
const LOCKED = `
  select distinct relation::regclass::text as "table" from pg_locks
  join pg_class on pg_class.oid = relation
  where pid = pg_backend_pid() and relkind = 'r' and relnamespace = 'public'::regnamespace
    and mode in ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
    and relation::regclass::text = any($1)`

test('no migration since the first five locks more than one table, so none can deadlock with requests', async () => {
  const store = await openEmptyOnServer()
  try {
    for (const [name, { up, isRepeatable }] of Object.entries(migrations)) {
      if (isRepeatable === true) continue
      const before = await tablesOf(store)
      const locked = await store.db.transaction().execute(async (trx) => {
        await up(trx as never)
        const { rows } = await trx.executeQuery<{ table: string }>(CompiledQuery.raw(LOCKED, [before]))
        return rows.map(({ table }) => table)
      })
      if (!FIRST.includes(name)) expect({ name, more: locked.slice(1) }).toEqual({ name, more: [] })
    }
  } finally {
    await store.close()
  }
})

test('a migration that waits for a backup gives up before requests do, and is done when the backup is', async () => {
  const store = await openEmptyOnServer()
  const backup = await store.pool.connect()
  try {
    await migrate(store.db)
    await store.pool.query('drop index users_disabled_until')
    await store.pool.query(
      'alter table users drop column disabled_until cascade, drop column disabled_public_reason',
    )
    await store.pool.query('drop function clear_lifted_ban cascade')
    await store.pool.query(`delete from chat_auth_migrations where name = '0016-bans'`)
    await backup.query('begin')
    await backup.query('lock table users in access share mode')
    const cause = { code: '55P03' }
    await expect(migrate(store.db)).rejects.toMatchObject({ code: 'unavailable', details: { cause } })
    await backup.query('commit')
    await migrate(store.db)
    await expectToWork(store)
  } finally {
    backup.release()
    await store.close()
  }
})
