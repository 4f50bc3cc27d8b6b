// A database that answers after five seconds, to far more requests than there are connections.
import pg from 'pg'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { AcknowledgedRecord } from '../support/acknowledged-record.ts'
import { signInCrowd } from '../support/crowd.ts'
import { queryOn } from '../support/database-query.ts'
import { reportFault } from '../support/fault-report.ts'
import { faultRounds, timeoutFor } from '../support/fault-rounds.ts'
import type { HonestClient } from '../support/honest-client.ts'
import { contradictions, readRows } from '../support/record-checker.ts'
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

const refreshAll = (clients: readonly HonestClient[]): Promise<boolean[]> =>
  Promise.all(clients.map((client) => client.refresh()))

/** Refused as the log tells: a client that got no answer at all would not be among them. */
const unavailableAnswers = (): number =>
  instances
    .flatMap(({ logs }) => logs)
    .filter(({ event, status }) => event === 'http.request' && status === 503).length

/** The clients take turns at the instances. */
function moveApart(clients: readonly HonestClient[]): void {
  const urls = instances.map(({ url }) => url)
  for (const [at, client] of clients.entries()) client.moveTo(...(at % 2 === 0 ? urls : urls.toReversed()))
}

/** From the moment it begins until everybody has gone on twice, the second time without a second try. */
async function survive({ where, begin, end }: Slowness, clients: readonly HonestClient[]): Promise<void> {
  const before = unavailableAnswers()
  await begin()
  expect(await refreshAll(clients), where).toEqual(clients.map(() => false))
  await vi.waitFor(() => expect(unavailableAnswers() - before).toBeGreaterThanOrEqual(REFRESHES), {
    timeout: 20_000,
  })
  await end()
  await vi.waitFor(async () => expect(await refreshAll(clients)).toEqual(clients.map(() => true)), {
    timeout: 20_000,
  })
  expect(await refreshAll(clients), where).toEqual(clients.map(() => true))
}

const rounds = faultRounds(1, 1 / 50)

test(
  'a database that takes 5 s costs 503s: the pool is free again, everybody goes on, nobody is signed out',
  async () => {
    const record = new AcknowledgedRecord()
    const clients = await signInCrowd([instances[0]?.url ?? ''], REFRESHES, record)
    moveApart(clients)
    for (let round = 0; round < rounds; round += 1) {
      for (const slowness of slownesses) await survive(slowness, clients)
    }
    const entries = record.entries()
    const wrongs = [
      ...clients.flatMap((client) => client.wrongs),
      ...contradictions(entries, await readRows(queryOn(place.url), entries)),
    ]
    reportFault({
      fault: 'database answers after 5 s',
      rounds,
      injected: rounds * slownesses.length,
      acknowledged: record.acknowledged,
      lost: wrongs.filter(({ kind }) => kind === 'lost').length,
      falseLogouts: wrongs.filter(({ kind }) => kind === 'false logout').length,
    })
    expect(wrongs).toEqual([])
    await Promise.all(instances.map((instance) => instance.stop()))
  },
  timeoutFor(rounds),
)
