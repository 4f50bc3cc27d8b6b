import pg from 'pg'
import { expect, test } from 'vitest'
import { createTestDatabase, templateDatabase } from './test-database.ts'

const rowsOf = async (url: string, text: string): Promise<unknown[]> => {
  const client = new pg.Client(url)
  await client.connect()
  try {
    return (await client.query<Record<string, unknown>>(text)).rows
  } finally {
    await client.end()
  }
}

test('two test databases do not see each other', async () => {
  const [one, other] = await Promise.all([createTestDatabase(), createTestDatabase()])
  await rowsOf(one.url, 'create table here ()')
  await expect(rowsOf(other.url, 'select from here')).rejects.toMatchObject({ code: '42P01' })
  await Promise.all([one.drop(), other.drop()])
})

test('a database is dropped even while a connection is open', async () => {
  const { url, drop } = await createTestDatabase()
  const client = new pg.Client(url)
  const ended = new Promise((resolve) => client.on('error', resolve))
  await client.connect()
  await drop()
  await ended
  await expect(rowsOf(url, 'select')).rejects.toMatchObject({ code: '3D000' })
})

test('a template database is filled only once for several tests', async () => {
  let fills = 0
  const fill = async (url: string) => {
    fills += 1
    await rowsOf(url, 'create table filled as select 7 as seven')
  }
  const templates = await Promise.all([1, 2, 3].map(() => templateDatabase('once', fill)))
  expect(fills).toBe(1)
  const copies = await Promise.all(templates.map((template) => createTestDatabase({ template })))
  for (const { url, drop } of copies) {
    expect(await rowsOf(url, 'select * from filled')).toEqual([{ seven: 7 }])
    await drop()
  }
})

test('a template database can be filled again after a failure', async () => {
  const failing = templateDatabase('second-try', () => Promise.reject(new Error('no migration')))
  await expect(failing).rejects.toThrow('no migration')
  const template = await templateDatabase('second-try', async (url) => {
    await rowsOf(url, 'create table filled ()')
  })
  const { url, drop } = await createTestDatabase({ template })
  expect(await rowsOf(url, 'select from filled')).toEqual([])
  await drop()
})
