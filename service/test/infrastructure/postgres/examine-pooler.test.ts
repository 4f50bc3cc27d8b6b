import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { examinePooler } from '../../../src/infrastructure/postgres/examine-pooler.ts'
import { startPgbouncer, type PgbouncerOptions } from '../../support/pgbouncer.ts'
import { createTestDatabase, type TestDatabase } from '../../support/test-database.ts'

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
})
afterAll(() => database.drop())

async function examineThrough(options: PgbouncerOptions): Promise<string> {
  const pgbouncer = await startPgbouncer(database.url, options)
  try {
    return await examinePooler(pgbouncer.url)
  } finally {
    await pgbouncer.stop()
  }
}

describe('how a connection is pooled', () => {
  test('a server without a pooler is recognised', async () => {
    expect(await examinePooler(database.url)).toBe('none')
  })

  test.each<[string, PgbouncerOptions]>([
    ['1.18', { version: '1.18', plain: 'session' }],
    ['1.24', { version: '1.24', plain: 'session' }],
    ['1.24 with the shipped configuration', { version: '1.24', lines: ['pool_mode = session'] }],
  ])('PgBouncer %s in session mode is recognised', async (_, options) => {
    expect(await examineThrough(options)).toBe('session')
  })

  test.each<[string, PgbouncerOptions]>([
    ['with its defaults', { version: '1.24', plain: 'transaction' }],
    ['with the shipped configuration', { version: '1.24' }],
    ['in turns', { version: '1.24', lines: ['server_round_robin = 1', 'min_pool_size = 5'] }],
    ['with one connection', { version: '1.24', lines: ['default_pool_size = 1'] }],
  ])('PgBouncer 1.24 %s in transaction mode is recognised', async (_, options) => {
    expect(await examineThrough(options)).toBe('transaction')
  })

  test('PgBouncer in transaction mode is recognised while other clients use it', async () => {
    const pgbouncer = await startPgbouncer(database.url, { version: '1.24' })
    const others = Array.from({ length: 6 }, () => new pg.Client({ connectionString: pgbouncer.url }))
    await Promise.all(others.map((each) => each.connect()))
    let isOver = false
    const work = others.map(async (each) => {
      while (!isOver) await each.query('select pg_sleep(0.002 * random())')
      await each.end()
    })
    const found = new Set<string>()
    for (let count = 0; count < 40; count += 1) found.add(await examinePooler(pgbouncer.url))
    isOver = true
    await Promise.all(work)
    await pgbouncer.stop()
    expect([...found]).toEqual(['transaction'])
  })

  test.each<[string, PgbouncerOptions]>([
    ['1.18 in transaction mode', { version: '1.18', plain: 'transaction' }],
    ['1.18 in turns', { version: '1.18', plain: 'transaction', lines: ['server_round_robin = 1'] }],
    [
      '1.24 without max_prepared_statements',
      { version: '1.24', plain: 'transaction', lines: ['max_prepared_statements = 0'] },
    ],
    ['1.24 in statement mode', { version: '1.24', plain: 'statement' }],
  ])('PgBouncer %s is refused, and the error says what to set', async (_, options) => {
    await expect(examineThrough(options)).rejects.toThrow(
      /Set pool_mode = session; or use PgBouncer 1\.21 or later with .*max_prepared_statements = 200/,
    )
  })
})
