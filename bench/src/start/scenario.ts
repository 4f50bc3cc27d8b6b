// Services that start, are used, and are stopped.
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { startServiceProcess, type ServiceProcess } from '../../../service/test/support/service-process.ts'
import { Child } from '../child.ts'
import { residentBytes } from '../feed/operating-system.ts'
import type { PGliteProcess } from './bare-pglite.ts'
import { gatherPeople, refreshAllTheTime, signInAllTheTime } from './load.ts'

const ROUNDS = 4
const LOAD_SECONDS = 5
const SAMPLE_MS = 250
const IDLE_MS = 2_000
/** The pause between two readiness checks. */
const ASK_MS = 5

export const places = ['embedded', 'PostgreSQL'] as const
type Place = (typeof places)[number]

type Settings = Record<string, string>

export interface StartTimes {
  /** Milliseconds from the spawning of the process to the first 200 of /health/ready, on nothing and on what was there. */
  readonly first: number[]
  readonly later: number[]
}

/** Resident bytes. Under load it is the most that was seen. */
interface Memory {
  readonly idle: number
  readonly refreshing: number
  readonly signingIn: number
}

export interface Measured {
  readonly starts: Record<Place, StartTimes>
  /** The embedded database without the service. */
  readonly bare: StartTimes
  readonly memory: Record<Place, Memory>
}

interface Opened {
  readonly settings: Settings
  readonly remove: () => Promise<unknown>
}

let databases = 0

async function newDatabase(clusterUrl: string): Promise<Opened> {
  const name = `start_${(databases += 1)}`
  const client = new pg.Client(clusterUrl)
  await client.connect()
  await client.query(`create database ${name}`)
  await client.end()
  const secret = randomBytes(32).toString('base64url')
  const settings = { DATABASE_URL: new URL(name, clusterUrl).href, AUTH_SECRET: secret }
  return { settings, remove: () => Promise.resolve() }
}

async function newFolder(): Promise<Opened> {
  const folder = await mkdtemp(join(tmpdir(), 'chat-auth-bench-'))
  return { settings: { DATA_DIR: folder }, remove: () => rm(folder, { recursive: true, force: true }) }
}

async function started(settings: Settings): Promise<{ service: ServiceProcess; ms: number }> {
  const spawnedAt = performance.now()
  const service = await startServiceProcess({ ...settings, LOG_LEVEL: 'warn' })
  // The service logs its ports when it listens, and is ready then or soon after.
  for (;;) {
    const { ok } = await service.alive(fetch(`${service.url}/health/ready`))
    if (ok) return { service, ms: performance.now() - spawnedAt }
    await delay(ASK_MS)
  }
}

async function timeStarts(open: () => Promise<Opened>, times: StartTimes): Promise<void> {
  const { settings, remove } = await open()
  try {
    for (const kept of [times.first, times.later]) {
      const { service, ms } = await started(settings)
      kept.push(ms)
      await service.stop()
    }
  } finally {
    await remove()
  }
}

async function timeBareStarts(times: StartTimes): Promise<void> {
  const { settings, remove } = await newFolder()
  try {
    for (const kept of [times.first, times.later]) {
      const spawnedAt = performance.now()
      const child = new Child<PGliteProcess>(new URL('bare-pglite.ts', import.meta.url))
      await child.ask('open', join(settings['DATA_DIR'] ?? '', 'bare'))
      kept.push(performance.now() - spawnedAt)
      await child.ask('close', undefined)
      await child.stop()
    }
  } finally {
    await remove()
  }
}

async function mostDuring(pid: number, work: Promise<void>): Promise<number> {
  let most = 0
  const sampling = setInterval(() => (most = Math.max(most, residentBytes(pid))), SAMPLE_MS)
  try {
    await work
  } finally {
    clearInterval(sampling)
  }
  return most
}

/** As it is after its start, and then under each load. */
async function measureMemory(open: () => Promise<Opened>): Promise<Memory> {
  const { settings, remove } = await open()
  const { service } = await started(settings)
  try {
    await delay(IDLE_MS)
    const idle = residentBytes(service.pid)
    const people = await gatherPeople(service.url)
    const refreshing = await mostDuring(service.pid, refreshAllTheTime(service.url, people, LOAD_SECONDS))
    const signingIn = await mostDuring(service.pid, signInAllTheTime(service.url, people, LOAD_SECONDS))
    return { idle, refreshing, signingIn }
  } finally {
    await service.kill()
    await remove()
  }
}

export async function measure(clusterUrl: string, note: (progress: string) => void): Promise<Measured> {
  const openers = { embedded: newFolder, PostgreSQL: () => newDatabase(clusterUrl) }
  const starts = { embedded: { first: [], later: [] }, PostgreSQL: { first: [], later: [] } }
  const bare = { first: [], later: [] }
  for (let round = 1; round <= ROUNDS; round += 1) {
    note(`starts, round ${round} of ${ROUNDS}`)
    for (const place of places) await timeStarts(openers[place], starts[place])
    await timeBareStarts(bare)
  }
  note('memory')
  const embedded = await measureMemory(openers.embedded)
  const PostgreSQL = await measureMemory(openers.PostgreSQL)
  return { starts, bare, memory: { embedded, PostgreSQL } }
}
