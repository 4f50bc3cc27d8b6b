// 5,000 readers follow the revocation feed of one instance, and one stops reading. FAULT_READERS changes the number.
import { spawn, spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { createInterface } from 'node:readline'
import { expect, onTestFinished, test, vi } from 'vitest'
import { queryOn } from '../support/database-query.ts'
import { reportFault } from '../support/fault-report.ts'
import { RunningScript } from '../support/fixtures/running-script.ts'
import { startTwo } from '../support/instances.ts'
import { peakMegabytes, residentMegabytes } from '../support/process-memory.ts'
import type { ServiceProcess } from '../support/service-process.ts'
import { TestClient } from '../support/test-client.ts'
import { migratedDatabase } from '../support/test-service.ts'

const READERS = Number(process.env['FAULT_READERS'] || 5_000)
const PROCESSES = 2
/** The sessions of a user end together, so that each reader gets all the ends in one piece. */
const SESSIONS_EACH = 100
/** More than the receive window of the stuck reader and the buffer of its connection can hold. */
const ENDS = 1_500
/** One connection and its buffers. Events are shared by all readers; a copy for each reader would exceed this. */
const READER_MEGABYTES = 0.05
const BASE_MEGABYTES = 150

interface Seen {
  readonly dropped: number
  readonly skipped: number
  readonly fewest: number
  readonly most: number
}

/** Checks that a process may open enough files, including sockets. */
function requireOpenFiles(needed: number): void {
  const limit = spawnSync('sh', ['-c', 'ulimit -Hn'], { encoding: 'utf8' }).stdout.trim()
  if (limit !== 'unlimited' && Number(limit) < needed) {
    throw new Error(
      `${READERS} readers need ${needed} open files in a process, but the limit is ${limit}. ` +
        `Raise it (ulimit -Hn), or set FAULT_READERS to a smaller number.`,
    )
  }
}

async function openReaders({ internalUrl, serviceKey }: ServiceProcess): Promise<RunningScript[]> {
  const share = String(Math.floor(READERS / PROCESSES))
  const scripts = Array.from(
    { length: PROCESSES },
    () => new RunningScript('feed-readers.ts', internalUrl, serviceKey, share),
  )
  onTestFinished(async () => {
    await Promise.all(scripts.map((script) => script.kill()))
  })
  for (const script of scripts) expect(await script.line()).toBe('open')
  return scripts
}

/** Starts the stuck reader. `readOn` makes it read again and returns the line it prints at the end of the stream. */
async function openStuckReader({ internalUrl, serviceKey }: ServiceProcess) {
  const script = new URL('../support/fixtures/stuck-reader.pl', import.meta.url).pathname
  const child = spawn('perl', [script, new URL(internalUrl).port, serviceKey], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  onTestFinished(() => {
    child.kill('SIGKILL')
  })
  const failed = new Promise<never>((_, reject) => child.once('error', reject))
  failed.catch(() => undefined)
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const line = async (): Promise<unknown> => (await Promise.race([lines.next(), failed])).value
  expect(await line()).toBe('begun')
  return {
    readOn: () => {
      child.stdin.end('\n')
      return line()
    },
  }
}

/** Creates users with many sessions. One session of each user is real, the others are copies of it. */
async function peopleWithSessions(service: ServiceProcess, databaseUrl: string): Promise<number[]> {
  const client = service.client()
  const people: number[] = []
  while (people.length < ENDS / SESSIONS_EACH) {
    const person = await client.register()
    const { session } = await client.signIn(person)
    const ids = Array.from({ length: SESSIONS_EACH - 1 }, () => randomUUID())
    await queryOn(databaseUrl)(
      `insert into sessions select (jsonb_populate_record(sessions, jsonb_build_object('id', copy))).*
       from sessions, unnest($2::uuid[]) as copy where id = $1`,
      [session.id, ids],
    )
    people.push(person.id)
  }
  return people
}

/** The number of readers that the service reports. */
async function readerCount({ internalUrl, serviceKey }: ServiceProcess): Promise<number> {
  const { body } = await new TestClient(internalUrl).get('/v1/doctor', serviceKey)
  const { findings } = body as { findings: { detail: string }[] }
  const counts = findings.flatMap(({ detail }) => /(\d+) readers?$/.exec(detail)?.[1] ?? [])
  return Number(counts[0])
}

async function allAt(scripts: readonly RunningScript[], place: number): Promise<Seen[]> {
  for (const script of scripts) script.say(String(place))
  const lines = await Promise.all(scripts.map((script) => script.line()))
  return lines.map((line) => JSON.parse(line ?? '{}') as Seen)
}

test('a stuck feed reader is dropped, and every other reader receives every end', async () => {
  requireOpenFiles(READERS + 500)
  const place = await migratedDatabase()
  onTestFinished(place.remove)
  const [service, other] = await startTwo(place.url)
  const people = await peopleWithSessions(service, place.url)
  const before = residentMegabytes(service.pid)
  const stuck = await openStuckReader(service)
  const scripts = await openReaders(service)

  for (const [at, id] of people.entries()) {
    const { internalUrl, serviceKey } = at % 2 === 0 ? service : other
    const { status } = await new TestClient(internalUrl).delete(`/v1/users/${id}/sessions`, serviceKey)
    expect(status).toBe(204)
  }
  const seen = await allAt(scripts, ENDS)
  const lost = seen.reduce((sum, { skipped, fewest }) => sum + skipped + (ENDS - fewest), 0)
  reportFault({
    fault: '5,000 feed readers, one of them stuck',
    rounds: 1,
    injected: 1,
    acknowledged: ENDS,
    lost,
    falseLogouts: 0,
  })
  expect(seen).toEqual(seen.map(() => ({ dropped: 0, skipped: 0, fewest: ENDS, most: ENDS })))
  await vi.waitFor(
    async () => expect(await readerCount(service)).toBe(Math.floor(READERS / PROCESSES) * PROCESSES),
    {
      timeout: 60_000,
      interval: 500,
    },
  )
  expect(await stuck.readOn()).toMatch(/^ended after \d+$/)
  expect((await allAt(scripts, ENDS)).map(({ dropped }) => dropped)).toEqual(scripts.map(() => 0))
  expect(peakMegabytes(service.pid) - before).toBeLessThan(BASE_MEGABYTES + READERS * READER_MEGABYTES)
  await Promise.all([service.stop(), other.stop()])
}, 180_000)
