// Two processes of the service on one PostgreSQL.
import { connectWithoutDeadlines } from '../service/src/infrastructure/postgres/connect.ts'
import { afterAll, beforeAll, expect, inject, onTestFinished, test } from 'vitest'
import { startServiceProcess, type ServiceProcess } from '../service/test/support/service-process.ts'
import { migratedDatabase } from '../service/test/support/test-service.ts'
import {
  ACCEPTED,
  connect,
  endedAs,
  heartbeat,
  verdictOnToken,
  signedIn,
  signOut,
  ReportedEnds,
  waitUntil,
} from './connected.ts'

let place: Awaited<ReturnType<typeof migratedDatabase>>
let admin: ReturnType<typeof connectWithoutDeadlines>
let one: ServiceProcess
let other: ServiceProcess

beforeAll(async () => {
  place = await migratedDatabase()
  // Connected to another database, so that the one of the service can be closed to newcomers.
  admin = connectWithoutDeadlines(inject('postgres').adminUrl)
  ;[one, other] = await Promise.all([
    startServiceProcess(place.settings),
    startServiceProcess(place.settings),
  ])
})
afterAll(async () => {
  await Promise.all([one.stop(), other.stop()])
  await admin.end()
  await place.remove()
})

const database = () => new URL(place.url).pathname.slice(1)

async function listeners(): Promise<number[]> {
  const { rows } = await admin.query<{ pid: number }>(
    `select pid from pg_stat_activity where application_name = 'chat-auth feed' and datname = $1`,
    [database()],
  )
  return rows.map(({ pid }) => pid)
}

const allowConnections = (isAllowed: boolean) =>
  admin.query(`alter database "${database()}" allow_connections ${String(isAllowed)}`)

test('a session that ends at one is refused by a verifier that follows the other', async () => {
  const verifier = await connect(other)
  const told = new ReportedEnds(verifier)
  const [ending, living] = await Promise.all([signedIn(one), signedIn(other)])
  expect(await verdictOnToken(verifier, ending.tokens)).toBe(ACCEPTED)
  await signOut(ending)
  await told.of(ending.tokens.session.id)
  expect(await verdictOnToken(verifier, ending.tokens)).toBe(endedAs('signed_out'))
  expect(await verdictOnToken(verifier, living.tokens)).toBe(ACCEPTED)
})

test('nobody who listens is needed: a heartbeat brings what no notification told', async () => {
  const verifier = await connect(other)
  const told = new ReportedEnds(verifier)
  const [first, second] = await Promise.all([signedIn(one), signedIn(one)])
  await waitUntil(async () => (await listeners()).length === 2)

  // Who listens is cut off and cannot come back; the connections that the instances work with stay.
  await allowConnections(false)
  onTestFinished(async () => {
    await allowConnections(true)
  })
  for (const pid of await listeners()) await admin.query('select pg_terminate_backend($1)', [pid])
  await waitUntil(async () => (await listeners()).length === 0)
  await signOut(first)
  await told.of(first.tokens.session.id)
  expect(await verdictOnToken(verifier, first.tokens)).toBe(endedAs('signed_out'))
  expect(await listeners()).toEqual([])

  await allowConnections(true)
  await waitUntil(async () => (await listeners()).length === 2)
  await heartbeat(verifier)
  await signOut(second)
  await told.of(second.tokens.session.id)
  expect(await verdictOnToken(verifier, second.tokens)).toBe(endedAs('signed_out'))
})
