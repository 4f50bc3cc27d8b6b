// One arrangement of service processes and readers, from its start to its end.
import { randomBytes } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { startServiceProcess, type ServiceProcess } from '../../../service/test/support/service-process.ts'
import { Child } from '../child.ts'
import { signIn, signOut } from './driver.ts'
import { lastEventIdOf } from './light-reader.ts'
import { cpuMs, residentBytes } from './operating-system.ts'
import type { ReaderProcess, Session } from './readers.ts'
import { StuckReader } from './stuck-reader.ts'

const READER_PROCESSES = 2
const WARM_UP_ENDS = 5
/** A later refusal counts as missing. */
const LATEST_MS = 10_000
const LONGEST_STUCK_SECONDS = 90
const SETTLE_MS = 3_000

export interface Arrangement {
  readonly name: string
  /** The number of real verifiers, each with its own feed connection. */
  readonly full: number
  /** Connections whose reader only looks for the id. */
  readonly light: number
  readonly ends: number
  /** The average pause between an end that every reader refused and the next end. */
  readonly pauseMs: number
  /** The readers are at another instance than the one where sessions end. */
  readonly isElsewhere?: boolean
  /** An additional reader that stops reading during its snapshot. */
  readonly hasStuckReader?: boolean
}

interface Times {
  /** Milliseconds from the 204 to the refusal, for every end and reader; negative if the refusal came first. */
  readonly afterResponse: number[]
  /** The same, after the request was sent. */
  readonly fromSending: number[]
  /** From the request to its 204. */
  readonly responded: number[]
  /** Readers that had not refused within ten seconds, over all ends. */
  missing: number
}

export interface Measured extends Readonly<Times> {
  readonly arrangement: Arrangement
  readonly bytesPerReader: number
  readonly serviceCpuMsPerEnd: number
  readonly readerCpuMsPerEnd: number
  /** While it was measured. */
  readonly reconnects: number
  /** Errors that verifiers reported at any time, for each reader process. */
  readonly errors: readonly Readonly<Record<string, number>>[]
  /** Time until the service disconnected the stuck reader; undefined if it did not, or if there was none. */
  readonly stuckSeconds: number | undefined
}

const randomSecret = (): string => randomBytes(32).toString('base64url')
const secrets = { AUTH_SECRET: randomSecret(), SERVICE_KEYS: `bench:verify:${randomSecret()}` }

const startService = (databaseUrl: string): Promise<ServiceProcess> =>
  startServiceProcess({ DATABASE_URL: databaseUrl, ...secrets })

/** A random length, so that an end may fall anywhere between two heartbeats. */
const pauseIn = ({ pauseMs }: Arrangement): Promise<void> => delay(pauseMs * (0.25 + 1.5 * Math.random()))

async function openReaders(
  processes: readonly Child<ReaderProcess>[],
  { full, light, hasStuckReader }: Arrangement,
  service: ServiceProcess,
): Promise<void> {
  const { internalUrl: url, serviceKey } = service
  // Light readers only look for ids. They need no snapshot, and thousands of large ones would swamp the machine.
  const lastEventId = hasStuckReader === true ? await lastEventIdOf({ url, serviceKey }) : undefined
  const share = (count: number, index: number): number => Math.floor((count + index) / processes.length)
  await Promise.all(
    processes.map((each, index) =>
      each.ask('open', {
        url,
        serviceKey,
        lastEventId,
        issuer: 'http://localhost:8000',
        audience: 'chat',
        full: share(full, index),
        light: share(light, index),
      }),
    ),
  )
}

async function openStuckReader(
  [process]: readonly Child<ReaderProcess>[],
  { internalUrl: url, serviceKey }: ServiceProcess,
): Promise<StuckReader> {
  const clientPort = await process?.ask('openStuck', { url, serviceKey })
  return new StuckReader(url, clientPort ?? 0)
}

async function endOne(
  session: Session,
  url: string,
  processes: readonly Child<ReaderProcess>[],
  expected: number,
  times: Times,
): Promise<void> {
  const { sentAt, respondedAt } = await signOut(url, session)
  const asked = processes.map((each) => each.ask('refusalsOf', { sid: session.sid, withinMs: LATEST_MS }))
  const refused = (await Promise.all(asked)).flat()
  times.responded.push(respondedAt - sentAt)
  for (const at of refused) {
    times.afterResponse.push(at - respondedAt)
    times.fromSending.push(at - sentAt)
  }
  times.missing += expected - refused.length
}

/** Stops every process it started, whether it succeeds or fails. */
export async function measure(arrangement: Arrangement, databaseUrl: string): Promise<Measured> {
  const readersAt = await startService(databaseUrl)
  const endsAt = arrangement.isElsewhere === true ? await startService(databaseUrl) : readersAt
  const processes = Array.from(
    { length: READER_PROCESSES },
    () => new Child<ReaderProcess>(new URL('readers.ts', import.meta.url)),
  )
  try {
    return await measureWith(arrangement, readersAt, endsAt, processes)
  } finally {
    await Promise.all(processes.map((each) => each.stop()))
    await Promise.all([...new Set([readersAt, endsAt])].map((each) => each.kill()))
  }
}

async function measureWith(
  arrangement: Arrangement,
  readersAt: ServiceProcess,
  endsAt: ServiceProcess,
  processes: readonly Child<ReaderProcess>[],
): Promise<Measured> {
  const { full, light, ends, hasStuckReader } = arrangement
  const sessions = await signIn(endsAt.url, ends + WARM_UP_ENDS)
  const bytesBefore = residentBytes(readersAt.pid)
  await openReaders(processes, arrangement, readersAt)
  await Promise.all(processes.map((each) => each.ask('show', sessions)))
  const stuck = hasStuckReader === true ? await openStuckReader(processes, readersAt) : undefined
  await delay(SETTLE_MS)

  const times: Times = { afterResponse: [], fromSending: [], responded: [], missing: 0 }
  const endAndWait = (session: Session, kept: Times): Promise<void> =>
    endOne(session, endsAt.url, processes, full + light, kept)
  for (const session of sessions.slice(ends))
    await endAndWait(session, { ...times, afterResponse: [], fromSending: [], responded: [] })
  const before = await conditionOf(readersAt, processes)
  for (const session of sessions.slice(0, ends)) {
    await pauseIn(arrangement)
    await endAndWait(session, times)
    stuck?.look()
  }
  const after = await conditionOf(readersAt, processes)
  await stuck?.untilDropped(LONGEST_STUCK_SECONDS)
  return {
    arrangement,
    ...times,
    bytesPerReader: (after.serviceBytes - bytesBefore) / (full + light),
    serviceCpuMsPerEnd: (after.serviceCpuMs - before.serviceCpuMs) / ends,
    readerCpuMsPerEnd: (after.readerCpuMs - before.readerCpuMs) / ends,
    reconnects: after.reconnects - before.reconnects,
    errors: after.errors,
    stuckSeconds: stuck?.droppedAfterSeconds,
  }
}

async function conditionOf({ pid }: ServiceProcess, processes: readonly Child<ReaderProcess>[]) {
  const readers = await Promise.all(processes.map((each) => each.ask('condition', undefined)))
  const sum = (numbers: readonly number[]): number => numbers.reduce((one, other) => one + other, 0)
  return {
    serviceBytes: residentBytes(pid),
    serviceCpuMs: cpuMs(pid),
    readerCpuMs: sum(readers.map((each) => each.cpuMs)),
    reconnects: sum(readers.map((each) => each.reconnects)),
    errors: readers.map((each) => each.errors),
  }
}
