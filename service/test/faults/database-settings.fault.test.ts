// Servers, databases and roles have defaults of their own. The service works the same with any of them.
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, inject, onTestFinished, test } from 'vitest'
import { queryOn } from '../support/database-query.ts'
import { ServiceProcess, startServiceProcess } from '../support/service-process.ts'
import { createTestDatabase, type TestDatabase } from '../support/test-database.ts'
import { TestClient, type ApiResponse, type Tokens } from '../support/test-client.ts'
import { testSecret } from '../support/test-service.ts'
import { testServiceKeys } from '../support/service-keys.ts'

let database: TestDatabase
let query: ReturnType<typeof queryOn>
beforeEach(async () => {
  database = await createTestDatabase()
  query = queryOn(database.url)
  onTestFinished(() => database.drop())
})

const settingsFor = (url: string) => ({
  DATABASE_URL: url,
  AUTH_SECRET: testSecret,
  SERVICE_KEYS: testServiceKeys,
})

async function start(url = database.url): Promise<ServiceProcess> {
  const service = new ServiceProcess(settingsFor(url))
  onTestFinished(() => service.kill())
  return service.ready()
}

/** For all connections that are made from now on. */
async function setDefaults(defaults: Record<string, string>): Promise<void> {
  const name = new URL(database.url).pathname.slice(1)
  for (const [setting, value] of Object.entries(defaults)) {
    await query(`alter database ${name} set ${setting} = ${value}`)
  }
}

const replaceConnections = () =>
  query(`select pg_terminate_backend(pid, 5000) from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid()`)

const formats = {
  datestyle: "'German, DMY'",
  timezone: "'Asia/Kathmandu'",
  intervalstyle: "'iso_8601'",
  bytea_output: "'escape'",
  extra_float_digits: '-15',
  standard_conforming_strings: 'off',
  client_encoding: "'LATIN1'",
  array_nulls: 'off',
}

/** A user signs up, in and out, with times of today, and the doctor finds the clocks equal. */
async function expectToServe(service: ServiceProcess): Promise<void> {
  const began = Date.now()
  const client = service.client()
  const user = await client.register()
  const tokens = await client.signIn(user, { device_name: 'Ännchens Gerät 日本' })
  const refreshed = await client.refresh(tokens.refresh_token)
  expect(refreshed.status).toBe(200)
  const { access_token: token } = refreshed.body as Tokens
  const listed = await client.get('/v1/sessions', token)
  const [session] = (listed.body as { items: { created_at: string; device_name: string }[] }).items
  expect(session?.device_name).toBe('Ännchens Gerät 日本')
  const createdAt = Date.parse(session?.created_at ?? '')
  expect(createdAt).toBeGreaterThan(began - 60_000)
  expect(createdAt).toBeLessThan(Date.now() + 60_000)
  const operator = new TestClient(service.internalUrl, undefined, { token: service.serviceKey })
  const { body } = await operator.get('/v1/doctor')
  const { findings } = body as { findings: { check: string; status: string }[] }
  expect(findings.filter(({ check, status }) => check === 'clock' && status !== 'ok')).toEqual([])
  expect(await client.delete('/v1/sessions/current', token)).toMatchObject({ status: 204 })
}

test(
  'times, texts and binary values are right under any defaults of form',
  { tags: ['OPS-13'] },
  async () => {
    await setDefaults(formats)
    await expectToServe(await start())
  },
)

test.each(["'SQL, DMY'", "'Postgres, MDY'"])('times are right under the date style %s', async (datestyle) => {
  await setDefaults({ datestyle })
  await expectToServe(await start())
})

test(
  'defaults of form and isolation that change while the service runs change nothing',
  { tags: ['OPS-13'] },
  async () => {
    const service = await start()
    await setDefaults({ ...formats, default_transaction_isolation: "'serializable'" })
    await replaceConnections()
    await expectToServe(service)
  },
)

test('a search path that changes while the service runs does not lead to other tables', async () => {
  const service = await start()
  await query('create schema elsewhere')
  await setDefaults({ search_path: 'elsewhere' })
  await replaceConnections()
  await expectToServe(service)
})

test('limits of the database for statements and locks are replaced by those of the service', async () => {
  await setDefaults({
    statement_timeout: '250',
    lock_timeout: '1',
    idle_in_transaction_session_timeout: '1',
  })
  await expectToServe(await start())
})

test.each(['repeatable read', 'serializable'])(
  'under the default isolation %s two instances start on an empty database, and races cause no fault',
  async (isolation) => {
    await setDefaults({ default_transaction_isolation: `'${isolation}'` })
    const instances = await Promise.all([start(), start()])
    const client = instances[0].client()
    const user = await client.register()
    const sessions = await Promise.all(Array.from({ length: 8 }, () => client.signIn(user)))
    const everywhere = instances.map((instance) => instance.client())
    const responses: ApiResponse[] = []
    for (let round = 0; round < 5; round += 1) {
      const racing = sessions.flatMap((tokens) =>
        everywhere.map((each) => each.refresh(tokens.refresh_token)),
      )
      responses.push(...(await Promise.all(racing)))
    }
    const ends = sessions.flatMap(({ access_token: token }) =>
      everywhere.map((each) => each.delete('/v1/sessions/current', token)),
    )
    responses.push(...(await Promise.all(ends)))
    expect([...new Set(responses.map(({ status }) => status))].filter((status) => status >= 500)).toEqual([])
  },
)

describe('a database in another encoding', () => {
  let admin: pg.Client
  beforeAll(async () => {
    admin = new pg.Client(inject('postgres').adminUrl)
    await admin.connect()
  })
  afterAll(() => admin.end())

  test.each(['LATIN1', 'SQL_ASCII'])('%s stops the start with the remedy', async (encoding) => {
    const name = `${inject('postgres').prefix}${encoding.toLowerCase()}`
    await admin.query(`create database ${name} encoding '${encoding}' locale 'C' template template0`)
    onTestFinished(async () => {
      await admin.query(`drop database ${name} with (force)`)
    })
    const url = Object.assign(new URL(database.url), { pathname: `/${name}` }).href
    const service = new ServiceProcess(settingsFor(url))
    onTestFinished(() => service.kill())
    expect(await service.exited).toMatchObject({ code: 1 })
    expect(service.complaints).toMatch(
      new RegExp(
        `^The encoding of the database "${name}" is ${encoding}.* ENCODING 'UTF8' LOCALE 'C' TEMPLATE template0\\n$`,
      ),
    )
    // The remedy works as it is written.
    const remedy = /CREATE DATABASE.*/.exec(service.complaints)?.[0] ?? ''
    const other = `${name}_utf8`
    await admin.query(remedy.replace('chat_auth_utf8', other))
    onTestFinished(async () => {
      await admin.query(`drop database ${other} with (force)`)
    })
    const second = await startServiceProcess(settingsFor(url.replace(name, other)))
    await second.stop()
  })
})

const withRole = (url: string, username: string): string => Object.assign(new URL(url), { username }).href

test.each<[string, () => Promise<string> | string, RegExp]>([
  [
    'a user who does not exist',
    () => withRole(database.url, 'nobody_here'),
    /^The database refused: .*"nobody_here".* Correct the user and the password in DATABASE_URL\.\n$/,
  ],
  [
    'a database that does not exist',
    () => Object.assign(new URL(database.url), { pathname: '/nowhere' }).href,
    /^The database refused: .*"nowhere".* Create the database, or correct its name in DATABASE_URL\.\n$/,
  ],
  [
    'a user who may not create tables',
    async () => {
      const role = `${new URL(database.url).pathname.slice(1)}_reader`
      await query(`create role ${role} login`)
      onTestFinished(async () => {
        await query(`drop role ${role}`)
      })
      return withRole(database.url, role)
    },
    /^The database refused: permission denied for schema public\. Make the user .* the owner of the database/,
  ],
  [
    'a table of another program',
    async () => {
      await query('create table sessions (sid text)')
      return database.url
    },
    /^The database refused: relation "sessions" already exists\. .* Give the service a database of its own\.\n$/,
  ],
])('%s stops the start immediately, with the remedy', async (_, prepare, complaint) => {
  const service = new ServiceProcess(settingsFor(await prepare()))
  onTestFinished(() => service.kill())
  expect(await service.exited).toMatchObject({ code: 1 })
  expect(service.complaints).toMatch(complaint)
  expect(service.logs.filter(({ event }) => event === 'database.waiting')).toEqual([])
})
