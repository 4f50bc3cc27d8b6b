// An instance whose AUTH_SECRET is not that of the others would sign users out with 401. It must not start.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { afterEach, describe, expect, onTestFinished, test } from 'vitest'
import { createEmptyStore, type EmptyStore } from '../support/empty-store.ts'
import { ServiceProcess } from '../support/service-process.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const OTHER = 'another-secret-of-the-tests-0a1b2c3d4e5f'
const REFUSAL =
  /^AUTH_SECRET decrypts none of the 1 signing keys in the database.*AUTH_SECRET_PREVIOUS.*--new-signing-keys.*\n$/

const stores: EmptyStore[] = []

async function emptyDatabase(): Promise<EmptyStore> {
  const store = await createEmptyStore('PostgreSQL')
  stores.push(store)
  return store
}

function spawned(settings: Record<string, string>, args: readonly string[] = []): ServiceProcess {
  const service = new ServiceProcess(settings, undefined, { args })
  onTestFinished(() => service.kill())
  return service
}

/** The complaints of an instance that does not start. */
async function refused(settings: Record<string, string>): Promise<string> {
  const service = spawned(settings)
  expect(await service.exited).toEqual({ code: 1, signal: null })
  return service.complaints
}

async function query<T extends pg.QueryResultRow>(store: EmptyStore, text: string): Promise<T[]> {
  const client = new pg.Client(store.config.databaseUrl)
  await client.connect()
  try {
    return (await client.query<T>(text)).rows
  } finally {
    await client.end()
  }
}

const keysIn = async (store: EmptyStore): Promise<string[]> =>
  (await query<{ kid: string }>(store, 'select kid from signing_keys order by kid')).map(({ kid }) => kid)

afterEach(async () => {
  for (const store of stores.splice(0)) await store.remove()
})

describe('an instance with another AUTH_SECRET', () => {
  test('a second instance with another AUTH_SECRET does not start', { tags: ['OPS-17'] }, async () => {
    const store = await emptyDatabase()
    const first = await spawned(store.settings).ready()
    const user = await first.client().register()
    const before = await keysIn(store)
    expect(await refused({ ...store.settings, AUTH_SECRET: OTHER })).toMatch(REFUSAL)
    expect(await keysIn(store)).toEqual(before)
    await first.client().signIn(user)
  })

  test('an instance with the earlier AUTH_SECRET as a previous one starts', async () => {
    const store = await emptyDatabase()
    const first = await spawned(store.settings).ready()
    const before = await keysIn(store)
    const previous = store.settings['AUTH_SECRET'] ?? ''
    await spawned({ ...store.settings, AUTH_SECRET: OTHER, AUTH_SECRET_PREVIOUS: previous }).ready()
    expect(await keysIn(store)).toEqual(before)
    await first.stop()
  })

  test('of two that start together on an empty database, exactly one starts', async () => {
    const store = await emptyDatabase()
    const both = [store.settings, { ...store.settings, AUTH_SECRET: OTHER }].map((one) => spawned(one))
    const outcomes = await Promise.all(
      both.map((one) =>
        one.ready().then(
          () => '',
          () => one.complaints,
        ),
      ),
    )
    expect(outcomes.toSorted()).toEqual(['', expect.stringMatching(REFUSAL)])
    expect(await keysIn(store)).toHaveLength(1)
  })

  test('a database whose signing keys have all expired lets another AUTH_SECRET start', async () => {
    const store = await emptyDatabase()
    await (await spawned(store.settings).ready()).stop()
    await query(store, "update signing_keys set published_until = now() - interval '1 second'")
    const other = await spawned({ ...store.settings, AUTH_SECRET: OTHER }).ready()
    await other.client().register()
    expect(await keysIn(store)).toHaveLength(1)
  })

  test('an instance that can decrypt only some signing keys starts, and warns once', async () => {
    const store = await emptyDatabase()
    await (await spawned(store.settings).ready()).stop()
    await query(
      store,
      `insert into signing_keys select 'foreign', algorithm, public_jwk, 'x.y.z.w', signs_from, signs_until, published_until
       from signing_keys`,
    )
    const service = await spawned(store.settings).ready()
    expect(await service.logged('signing-keys.unreadable')).toMatchObject({ level: 'warn', unreadable: 1 })
    await service.client().register()
  })

  test('--new-signing-keys starts with another AUTH_SECRET when the first is lost', async () => {
    const store = await emptyDatabase()
    await (await spawned(store.settings).ready()).stop()
    const settings = { ...store.settings, AUTH_SECRET: OTHER }
    expect(await refused(settings)).toMatch(REFUSAL)
    await (await spawned(settings, ['--new-signing-keys']).ready()).stop()
    await (await spawned(settings).ready()).client().register()
  })

  test('an embedded database with another auth-secret does not start', { tags: ['OPS-17'] }, async () => {
    const { folder, settings, remove } = await temporaryFolder()
    try {
      await (await spawned(settings).ready()).stop()
      await writeFile(join(folder, 'auth-secret'), OTHER)
      expect(await refused(settings)).toMatch(REFUSAL)
      await (await spawned(settings, ['--new-signing-keys']).ready()).stop()
      await (await spawned(settings).ready()).stop()
    } finally {
      await remove()
    }
  })

  test('an option that does not exist stops the start', async () => {
    const service = spawned({}, ['--new-signing-key'])
    expect(await service.exited).toEqual({ code: 1, signal: null })
    expect(service.complaints).toContain('the only option is --new-signing-keys, not "--new-signing-key"')
  })
})
