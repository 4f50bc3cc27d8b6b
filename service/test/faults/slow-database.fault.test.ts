// A database responds after five seconds, under far more requests than there are connections.
import pg from 'pg'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { AcknowledgedRecord } from '../support/acknowledged-record.ts'
import { signInMany } from '../support/sign-in-many.ts'
import { queryOn } from '../support/database-query.ts'
import { reportFault } from '../support/fault-report.ts'
import { faultRounds, timeoutFor } from '../support/fault-rounds.ts'
import type { CheckingClient } from '../support/checking-client.ts'
import { findViolations, readRows } from '../support/record-checker.ts'
import { startServiceProcess, type ServiceProcess } from '../support/service-process.ts'
import { startTcpProxy, targetOf, type TcpProxy } from '../support/tcp-proxy.ts'
import { migratedDatabase } from '../support/test-service.ts'

const SLOW_MS = 5_000
const REFRESHES = 200

let place: Awaited<ReturnType<typeof migratedDatabase>>
let proxy: TcpProxy
let admin: pg.Client
let instances: ServiceProcess[]

beforeEach(async () => {
  place = await migratedDatabase()
  proxy = await startTcpProxy(targetOf(place.url))
  const url = new URL(place.url)
  url.host = `127.0.0.1:${proxy.port}`
  const settings = { ...place.settings, DATABASE_URL: url.href, DATABASE_POOL_SIZE: '2' }
  instances = await Promise.all([startServiceProcess(settings), startServiceProcess(settings)])
  admin = new pg.Client(place.url)
  await admin.connect()
})
afterEach(async () => {
  await Promise.all(instances.map((instance) => instance.kill()))
  await admin.end()
  await proxy.close()
  await place.remove()
})

interface Slowness {
  readonly where: string
  readonly begin: () => unknown
  readonly end: () => unknown
}

const slownesses: readonly Slowness[] = [
  { where: 'the network', begin: () => proxy.delay(SLOW_MS), end: () => proxy.delay(0) },
  {
    where: 'a lock',
    begin: () => admin.query('begin; lock table sessions in access exclusive mode'),
    end: () => admin.query('rollback'),
  },
  {
    where: 'the statement',
    begin: () =>
      admin.query(`create function dawdle() returns trigger language plpgsql as
          $$ begin perform pg_sleep(${SLOW_MS / 1_000}); return new; end $$;
        create trigger dawdle before update on sessions for each row execute function dawdle()`),
    end: () => admin.query('drop trigger dawdle on sessions; drop function dawdle()'),
  },
]

const refreshAll = (clients: readonly CheckingClient[]): Promise<boolean[]> =>
  Promise.all(clients.map((client) => client.refresh()))

/** Counts the 503s in the logs. Requests without any response are not among them. */
const unavailableAnswers = (): number =>
  instances
    .flatMap(({ logs }) => logs)
    .filter(({ event, status }) => event === 'http.request' && status === 503).length

/** Spreads the clients over the instances. */
function moveApart(clients: readonly CheckingClient[]): void {
  const urls = instances.map(({ url }) => url)
  for (const [at, client] of clients.entries()) client.moveTo(...(at % 2 === 0 ? urls : urls.toReversed()))
}

/** Runs one slowness until every client has refreshed twice after it, the second time without a retry. */
async function survive({ where, begin, end }: Slowness, clients: readonly CheckingClient[]): Promise<void> {
  const before = unavailableAnswers()
  await begin()
  expect(await refreshAll(clients), where).toEqual(clients.map(() => false))
  await vi.waitFor(() => expect(unavailableAnswers() - before).toBeGreaterThanOrEqual(REFRESHES), {
    timeout: 60_000,
  })
  await end()
  await vi.waitFor(async () => expect(await refreshAll(clients)).toEqual(clients.map(() => true)), {
    timeout: 60_000,
  })
  expect(await refreshAll(clients), where).toEqual(clients.map(() => true))
}

const rounds = faultRounds(1, 1 / 50)

test(
  'a database that needs 5 s per statement causes only 503s and signs nobody out',
  async () => {
    const record = new AcknowledgedRecord()
    const clients = await signInMany([instances[0]?.url ?? ''], REFRESHES, record)
    moveApart(clients)
    for (let round = 0; round < rounds; round += 1) {
      for (const slowness of slownesses) await survive(slowness, clients)
    }
    const entries = record.entries()
    const violations = [
      ...clients.flatMap((client) => client.violations),
      ...findViolations(entries, await readRows(queryOn(place.url), entries)),
    ]
    reportFault({
      fault: 'database responds after 5 s',
      rounds,
      injected: rounds * slownesses.length,
      acknowledged: record.acknowledged,
      lost: violations.filter(({ kind }) => kind === 'lost').length,
      falseLogouts: violations.filter(({ kind }) => kind === 'false logout').length,
    })
    expect(violations).toEqual([])
    await Promise.all(instances.map((instance) => instance.stop()))
  },
  timeoutFor(rounds),
)
