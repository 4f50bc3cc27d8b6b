import { Kysely, PostgresDialect, sql } from 'kysely'
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { databases } from './databases.ts'
import type { OpenDatabase } from './databases.ts'

type Tables = { jobs: { id: string; name: string; amount: string } }

// Checks on each database the PostgreSQL behavior that the service relies on.
describe.each(databases)('on $name', ({ open }) => {
  let database: OpenDatabase
  let pool: pg.Pool
  let db: Kysely<Tables>

  beforeAll(async () => {
    database = await open()
    pool = database.pool
    db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) })
    await pool.query(`create table jobs (
      id uuid primary key default gen_random_uuid(), name text not null,
      amount bigint not null default 0, constraint jobs_name_unique unique (name))`)
  })
  afterAll(() => database.close())

  test('a transaction that fails leaves nothing behind', async () => {
    const failing = db.transaction().execute(async (transaction) => {
      await transaction
        .insertInto('jobs')
        .values({ id: crypto.randomUUID(), name: 'lost', amount: '1' })
        .execute()
      throw new Error('changed our mind')
    })
    await expect(failing).rejects.toThrow('changed our mind')
    expect(await db.selectFrom('jobs').where('name', '=', 'lost').selectAll().execute()).toEqual([])
  })

  test('a unique violation has code 23505 and the constraint name, inside a transaction too', async () => {
    const insertTwice = db.transaction().execute(async (transaction) => {
      for (const id of [crypto.randomUUID(), crypto.randomUUID()]) {
        await transaction.insertInto('jobs').values({ id, name: 'same', amount: '1' }).execute()
      }
    })
    await expect(insertTwice).rejects.toMatchObject({ code: '23505', constraint: 'jobs_name_unique' })
  })

  test('the pool is usable after a statement that failed', async () => {
    await expect(pool.query('select no_such_column')).rejects.toMatchObject({ code: '42703' })
    await expect(pool.query('not sql', [])).rejects.toMatchObject({ code: '42601' })
    expect((await pool.query('select 1 as one')).rows).toEqual([{ one: 1 }])
  })

  test('FOR UPDATE SKIP LOCKED returns rows', async () => {
    await pool.query("insert into jobs (name) values ('first'), ('second')")
    const taken = await db
      .transaction()
      .execute((transaction) =>
        transaction
          .selectFrom('jobs')
          .where('name', 'in', ['first', 'second'])
          .select('name')
          .orderBy('name')
          .limit(1)
          .forUpdate()
          .skipLocked()
          .execute(),
      )
    expect(taken).toEqual([{ name: 'first' }])
  })

  test('a bigint value is read as a string', async () => {
    await pool.query("insert into jobs (name, amount) values ('large', $1)", ['9007199254740993'])
    const rows = await db.selectFrom('jobs').where('name', '=', 'large').select('amount').execute()
    expect(rows).toEqual([{ amount: '9007199254740993' }])
  })

  test('times, bytes, JSON and arrays are read as they were written', async () => {
    const values = [new Date('2026-02-03T04:05:06.789Z'), Buffer.from([0, 255]), { a: [1] }, ['x', 'y']]
    const { rows } = await pool.query<unknown[]>({
      text: 'select $1::timestamptz, $2::bytea, $3::jsonb, $4::text[]',
      values,
      rowMode: 'array',
    })
    expect(rows[0]).toEqual(values)
  })

  test('a named statement is prepared once and runs with other values', async () => {
    const query = { name: 'twice', text: 'select $1::int * 2 as result' }
    const results = [2, 3].map(
      async (value) => (await pool.query<{ result: number }>({ ...query, values: [value] })).rows,
    )
    expect(await Promise.all(results)).toEqual([[{ result: 4 }], [{ result: 6 }]])
    const { rows } = await pool.query(
      "select count(*)::int as count from pg_prepared_statements where name = 'twice'",
    )
    expect(rows).toEqual([{ count: 1 }])
  })

  test('a named statement that failed can run again', async () => {
    const query = { name: 'division', text: 'select 6 / $1::int as result' }
    await expect(pool.query({ ...query, values: [0] })).rejects.toMatchObject({ code: '22012' })
    expect((await pool.query({ ...query, values: [2] })).rows).toEqual([{ result: 3 }])
  })

  test('an advisory lock holds until its transaction ends', async () => {
    // pg_locks lists the locks of every database, including those of parallel tests.
    const held = `select 1 from pg_locks join pg_database on pg_database.oid = database
      where datname = current_database() and locktype = 'advisory'`
    await db.transaction().execute(async (transaction) => {
      await sql`select pg_advisory_xact_lock(42)`.execute(transaction)
      expect((await sql.raw(held).execute(transaction)).rows).toHaveLength(1)
    })
    expect((await pool.query(held)).rows).toEqual([])
  })

  test('NOTIFY reaches a client that listens', async () => {
    const client = await pool.connect()
    const heard = new Promise((resolve) => client.once('notification', resolve))
    await client.query('listen jobs')
    await client.query("select pg_notify('jobs', 'done')")
    expect(await heard).toMatchObject({ channel: 'jobs', payload: 'done' })
    await client.query('unlisten jobs')
    client.release()
  })
})
