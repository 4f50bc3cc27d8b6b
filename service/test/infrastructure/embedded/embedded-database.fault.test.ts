import fs, { existsSync, mkdtempSync, readdirSync, rmSync, watch, writeFileSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { DataFolderError } from '../../../src/infrastructure/embedded/data-folder.ts'
import {
  type EmbeddedDatabase,
  openEmbeddedDatabase,
} from '../../../src/infrastructure/embedded/embedded-database.ts'
import { RunningScript } from '../../support/fixtures/running-script.ts'

let parent: string
let folder: string
const scripts: RunningScript[] = []

const newFolder = (): void => {
  parent = mkdtempSync(join(tmpdir(), 'embedded-database-'))
  folder = join(parent, 'data')
}

const removeFolder = async (): Promise<void> => {
  await Promise.all(scripts.splice(0).map((script) => script.kill()))
  rmSync(parent, { recursive: true })
}

const readyToOpen = async (...args: string[]): Promise<RunningScript> => {
  const script = new RunningScript('open-embedded-database.ts', folder, ...args)
  scripts.push(script)
  expect(await script.line()).toBe('ready')
  return script
}

const openElsewhere = async (...args: string[]): Promise<RunningScript> => {
  const script = await readyToOpen(...args)
  script.say('go')
  expect(await script.line()).toBe('opened')
  return script
}

const refusal = async (): Promise<string> => {
  const error: unknown = await openEmbeddedDatabase(folder).catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(DataFolderError)
  return (error as DataFolderError).message
}

describe('an embedded data folder', () => {
  beforeEach(newFolder)
  afterEach(removeFolder)

  test('an embedded database is made on the first start, and keeps its rows', async () => {
    const first = await openEmbeddedDatabase(folder)
    await first.pool.query(`CREATE TABLE kept AS SELECT 'here' AS word`)
    await Promise.all([first.close(), first.close()])

    const next = await openEmbeddedDatabase(folder)
    expect((await next.pool.query('SELECT word FROM kept')).rows).toEqual([{ word: 'here' }])
    await next.close()
  })

  test('a second process is refused while the first runs, which loses no row', async () => {
    const first = await openElsewhere('insert')
    expect(await first.line()).toBe('1')

    expect(await refusal()).toContain(`is in use by process ${String(first.process.pid)}`)

    expect(await first.line()).toBe('2')
    first.process.kill('SIGTERM')
    expect(await first.exited).toEqual([0, null])
    const next = await openEmbeddedDatabase(folder)
    const { rows } = await next.pool.query<{ number: number }>(
      'SELECT number FROM kept ORDER BY number LIMIT 2',
    )
    expect(rows.map(({ number }) => number)).toEqual([1, 2])
    await next.close()
  })

  test('of processes that start at the same time on an empty folder exactly one gets it', async () => {
    const starting = await Promise.all([0, 1, 2].map(() => readyToOpen()))
    starting.forEach((script) => script.say('go'))
    const responses = await Promise.all(starting.map((script) => script.line()))

    expect(responses.filter((response) => response === 'opened')).toHaveLength(1)
    expect(responses.filter((response) => response?.includes('is in use by'))).toHaveLength(2)
  })

  test('an embedded database loses no acknowledged row to kill -9', async () => {
    const acknowledged: string[] = []
    for (let round = 0; round < 5; round += 1) {
      const script = await openElsewhere('insert')
      const killAfter = 1 + Math.floor(Math.random() * 300)
      for (let seen = 0; seen < killAfter; seen += 1) acknowledged.push(String(await script.line()))
      script.process.kill('SIGKILL')
      // Rows that it acknowledged before the signal reached it count as well.
      for (let line = await script.line(); line !== undefined; line = await script.line())
        acknowledged.push(line)
      await script.exited
    }

    const database = await openEmbeddedDatabase(folder)
    const { rows } = await database.pool.query<{ number: number }>('SELECT number FROM kept')
    const present = new Set(rows.map(({ number }) => String(number)))
    expect(acknowledged.length).toBeGreaterThan(5)
    expect(acknowledged.filter((number) => !present.has(number))).toEqual([])
    await database.close()
  })

  test('an embedded database is made again if the first start was killed', async () => {
    fs.mkdirSync(folder)
    const watcher = watch(folder)
    const script = await readyToOpen()
    const begun = new Promise<void>((resolve) => {
      watcher.on('change', (_event, name) => {
        if (name === 'postgres.new') resolve()
      })
    })
    script.say('go')
    await begun
    await script.kill()
    watcher.close()
    expect(readdirSync(folder)).toContain('postgres.new')
    expect(readdirSync(folder)).not.toContain('postgres')

    const database = await openEmbeddedDatabase(folder)
    expect((await database.pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
    expect(existsSync(join(folder, 'postgres.new'))).toBe(false)
    await database.close()
  })

  test('a database folder of another PostgreSQL version is refused, and not changed', async () => {
    fs.mkdirSync(join(folder, 'postgres'), { recursive: true })
    writeFileSync(join(folder, 'postgres', 'PG_VERSION'), '17\n')

    const message = await refusal()

    expect(message).toContain(
      'was made by PostgreSQL 17, and this version of the service reads PostgreSQL 18',
    )
    expect(message).toContain('set DATA_DIR to another folder')
    expect(readdirSync(join(folder, 'postgres'))).toEqual(['PG_VERSION'])
    expect(await refusal()).toContain('was made by PostgreSQL 17')
  })

  test('a database folder without PG_VERSION is refused, and not overwritten', async () => {
    fs.mkdirSync(join(folder, 'postgres', 'base'), { recursive: true })
    expect(await refusal()).toContain('is damaged: PG_VERSION is missing')
    expect(readdirSync(join(folder, 'postgres'))).toEqual(['base'])
  })

  test('a database folder that PostgreSQL cannot start on is refused with its error', async () => {
    const first = await openEmbeddedDatabase(folder)
    await first.close()
    rmSync(join(folder, 'postgres', 'global', 'pg_control'))
    expect(await refusal()).toMatch(/cannot be opened: .*(pg_control|control file)/)
  })
})

describe('the embedded database', () => {
  let database: EmbeddedDatabase

  beforeAll(async () => {
    newFolder()
    database = await openEmbeddedDatabase(folder)
    await database.pool.query('CREATE TABLE things (id integer PRIMARY KEY)')
  })

  afterAll(async () => {
    await database.close()
    await removeFolder()
  })

  const things = async (): Promise<number[]> =>
    (await database.pool.query<{ id: number }>('SELECT id FROM things ORDER BY id')).rows.map(({ id }) => id)

  beforeEach(() => database.pool.query('TRUNCATE things'))

  test('the embedded database writes a commit to the disk before it acknowledges it', async () => {
    const flush = fs.fsyncSync
    let flushes = 0
    fs.fsyncSync = (handle) => {
      flush(handle)
      flushes += 1
    }
    syncBuiltinESMExports()
    try {
      for (let id = 1; id <= 10; id += 1) {
        await database.pool.query('INSERT INTO things VALUES ($1)', [id])
        expect(flushes).toBeGreaterThanOrEqual(id)
      }
    } finally {
      fs.fsyncSync = flush
      syncBuiltinESMExports()
    }
  })

  test('each client of the embedded database gets its own result when others fail', async () => {
    const asked = Array.from({ length: 120 }, (_, index) => index)
    const responses = await Promise.all(
      asked.map(async (index) => {
        if (index % 3 === 1) return database.pool.query('SELECT $1::integer AS a', ['x']).catch(codeOf)
        if (index % 3 === 2) return database.pool.query('SELEC').catch(codeOf)
        return (await database.pool.query<{ a: number }>('SELECT $1::integer AS a', [index])).rows[0]?.a
      }),
    )
    expect(responses).toEqual(asked.map((index) => [index, '22P02', '42601'][index % 3]))
  })

  test.each([
    ['given back', undefined],
    ['thrown away', true],
    ['released with an error', new Error('the request was aborted')],
  ])('the embedded database rolls back an open transaction if its client is %s', async (_how, reason) => {
    const client = await database.pool.connect()
    await client.query('BEGIN')
    await client.query('INSERT INTO things VALUES (1)')
    client.release(reason)

    await database.pool.query('INSERT INTO things VALUES (2)')
    await database.pool.query('ROLLBACK')

    expect(await things()).toEqual([2])
  })

  test('the embedded database rolls back a failed transaction when its client is released', async () => {
    const client = await database.pool.connect()
    await client.query('BEGIN')
    await client.query('INSERT INTO things VALUES (1)')
    await expect(client.query('INSERT INTO things VALUES (1)')).rejects.toMatchObject({
      code: '23505',
      constraint: 'things_pkey',
    })
    client.release()

    expect(await things()).toEqual([])
  })

  test('the embedded database leaves the event loop time between two queries', async () => {
    const otherWork = new AbortController()
    setImmediate(() => otherWork.abort())
    for (let query = 1; query <= 100 && !otherWork.signal.aborted; query += 1) {
      await database.pool.query('SELECT 1')
    }
    expect(otherWork.signal.aborted).toBe(true)
  })

  test('closing the embedded database waits until its client is released', async () => {
    const other = await openElsewhereIn('closing')
    const client = await other.pool.connect()
    const closed = other.close()
    await client.query('CREATE TABLE written_late AS SELECT 1 AS one')
    client.release()
    await closed

    const again = await openElsewhereIn('closing')
    expect((await again.pool.query('SELECT one FROM written_late')).rows).toEqual([{ one: 1 }])
    await again.close()
  })

  const openElsewhereIn = (name: string): Promise<EmbeddedDatabase> =>
    openEmbeddedDatabase(join(parent, name))
})

const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : error)
