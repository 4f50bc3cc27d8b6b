// The service behind PgBouncer, as an operator sets it up.
import { describe, expect, onTestFinished, test } from 'vitest'
import { startPgbouncer, type PgbouncerOptions } from '../../support/pgbouncer.ts'
import { ServiceProcess } from '../../support/service-process.ts'
import { newUser, TestClient } from '../../support/test-client.ts'
import { migratedDatabase } from '../../support/test-service.ts'

interface Behind {
  readonly options: PgbouncerOptions
  readonly direct: boolean
}

async function placeBehind({ options, direct }: Behind) {
  const place = await migratedDatabase()
  onTestFinished(() => place.remove())
  const pgbouncer = await startPgbouncer(place.url, options)
  onTestFinished(() => pgbouncer.stop())
  return {
    ...place,
    settings: {
      ...place.settings,
      DATABASE_URL: pgbouncer.url,
      ...(direct && { DATABASE_DIRECT_URL: place.url }),
    },
  }
}

function start(settings: Record<string, string>): ServiceProcess {
  const service = new ServiceProcess(settings)
  onTestFinished(() => service.kill())
  return service
}

/** The last words of a service that does not start. */
async function refusalOf(settings: Record<string, string>): Promise<string> {
  const service = start(settings)
  expect(await service.exited).toMatchObject({ code: 1 })
  return service.complaints
}

/** Two instances need more than the 20 connections of PgBouncer's default. */
const inSessions = (version: '1.18' | '1.24'): PgbouncerOptions => ({
  version,
  plain: 'session',
  lines: ['default_pool_size = 40'],
})

const working: readonly [string, Behind][] = [
  ['PgBouncer 1.24 in transaction mode, as shipped', { options: { version: '1.24' }, direct: true }],
  ['PgBouncer 1.24 in session mode', { options: inSessions('1.24'), direct: false }],
  ['PgBouncer 1.18 in session mode', { options: inSessions('1.18'), direct: false }],
]

describe.each(working)('two instances behind %s', (_, behind) => {
  test(
    'start, serve a crowd without a fault, and learn of each other’s ends',
    { tags: ['OPS-15'] },
    async () => {
      const { settings } = await placeBehind(behind)
      const instances = [start(settings), start(settings)] as const
      await Promise.all(instances.map((instance) => instance.ready()))
      const [one, two] = instances
      const user = newUser()
      const { username, email, password } = user
      expect(await one.client().post('/v1/users', { username, email, password })).toMatchObject({
        status: 201,
      })
      const signIns = Array.from({ length: 60 }, (__, at) =>
        (at % 2 === 0 ? one : two).client().post('/v1/sessions', { username, password }),
      )
      const statuses = (await Promise.all(signIns)).map(({ status }) => status)
      expect(statuses.filter((status) => status !== 201 && status !== 503 && status !== 429)).toEqual([])
      expect(statuses).toContain(201)
      const doctor = new TestClient(two.internalUrl, undefined, { token: two.serviceKey })
      const { body } = await doctor.get('/v1/doctor')
      const { findings } = body as { findings: { check: string; status: string; detail: string }[] }
      expect(findings.filter(({ status }) => status === 'failed')).toEqual([])
      expect(findings).toContainEqual(
        expect.objectContaining({
          check: 'feed',
          detail: 'is notified of other instances immediately (LISTEN)',
        }),
      )
    },
  )
})

describe('a start behind a pooler that does not suit', () => {
  test.each<[string, Behind, RegExp]>([
    [
      '1.18 in transaction mode',
      { options: { version: '1.18', plain: 'transaction' }, direct: true },
      /^The pooler at DATABASE_URL does not keep prepared statements: .*Set pool_mode = session; or use PgBouncer 1\.21 or later/,
    ],
    [
      'transaction mode without DATABASE_DIRECT_URL',
      { options: { version: '1.24' }, direct: false },
      /^DATABASE_URL leads through a pooler in transaction mode.* Set DATABASE_DIRECT_URL/,
    ],
    [
      'transaction mode without deadlines',
      { options: { version: '1.24', plain: 'transaction' }, direct: true },
      /^Through the pooler at DATABASE_URL, statement_timeout is 0, not 3s; .*use connect_query as in deploy\/pgbouncer\/pgbouncer\.ini, or pool_mode = session\.$/m,
    ],
  ])('%s stops with one line that says what to set', { tags: ['OPS-15'] }, async (_, behind, line) => {
    const { settings } = await placeBehind(behind)
    const complaints = await refusalOf(settings)
    expect(complaints).toMatch(line)
    expect(complaints.trimEnd().split('\n')).toHaveLength(1)
  })

  test('two addresses of different databases stop with one line', async () => {
    const [{ settings }, other] = await Promise.all([
      placeBehind({ options: { version: '1.24' }, direct: true }),
      migratedDatabase(),
    ])
    onTestFinished(() => other.remove())
    expect(await refusalOf({ ...settings, DATABASE_DIRECT_URL: other.url })).toMatch(
      /^DATABASE_URL and DATABASE_DIRECT_URL lead to different databases\./,
    )
  })
})
