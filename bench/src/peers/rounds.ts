// The same work at each contender, one at a time, in rounds. So a disturbance of the machine affects all of them.
import type { Child } from '../child.ts'
import { cpuMs, residentBytes } from '../feed/operating-system.ts'
import type { Checks, Contenders, Server, ServerName } from './contenders.ts'
import { EndWatch, type AfterEnd } from './end-watch.ts'
import type { Load } from './load.ts'
import { cpuMsOfChildren, cpuMsSince } from './processes.ts'

const ROUNDS_AT_MOST = 12
const ROUNDS_AT_LEAST = 3
const MEASURED_MS = 75_000
const PEOPLE = 32
const CROWD = 16
const SIGN_INS = 96
const SIGN_INS_ALONE = 10
const QUESTIONS = 1_000
const QUESTIONS_ALONE = 150
/** Checks of each session by a service that verifies locally, after it has checked it once. */
const PASSES = 50

const phases = {
  signIn: { ask: 'signIn', count: SIGN_INS, atOnce: CROWD },
  signInAlone: { ask: 'signIn', count: SIGN_INS_ALONE, atOnce: 1 },
  whoIsThis: { ask: 'whoIsThis', count: QUESTIONS, atOnce: CROWD },
  whoIsThisAlone: { ask: 'whoIsThis', count: QUESTIONS_ALONE, atOnce: 1 },
  checkFirst: { passes: 1 },
  checkAgain: { passes: PASSES },
  signOut: { ask: 'signOut', count: SIGN_INS, atOnce: CROWD },
  signOutAlone: { ask: 'signOut', count: SIGN_INS_ALONE, atOnce: 1 },
} as const

export type Phase = keyof typeof phases
const PHASES = Object.keys(phases) as Phase[]

export interface Measured {
  readonly perSecond: number
  /** Of each request, in milliseconds; none where no request was made. */
  readonly latencies: readonly number[]
  /** Of the process that was asked. */
  readonly cpuMsPerRequest?: number
  /** CPU time of PostgreSQL in the same round. For local checks it is close to zero. */
  readonly databaseCpuMsPerRequest?: number
}

export interface Result {
  readonly name: ServerName
  /** One of each round, in the order of the rounds. */
  readonly measured: Record<Phase, Measured[]>
  readonly afterEnd: AfterEnd
  readonly idleBytes: number
  readonly loadedBytes: number
}

interface Lane {
  readonly server: Server
  readonly second: Child<Checks> | undefined
  readonly measured: Record<Phase, Measured[]>
  readonly watch: EndWatch
  readonly idleBytes: number
}

async function askLoad({ load, databasePid }: Tools, { name, pid }: Server, work: Work): Promise<Measured> {
  const { ask, count, atOnce } = work
  const [before, databaseBefore] = [cpuMs(pid), cpuMsOfChildren(databasePid)]
  const { wallMs, latencies } = await load.ask(ask, { server: name, count, atOnce })
  return {
    perSecond: (1_000 * count) / wallMs,
    latencies,
    cpuMsPerRequest: (cpuMs(pid) - before) / count,
    databaseCpuMsPerRequest: cpuMsSince(databaseBefore, databasePid) / count,
  }
}

export interface Tools {
  readonly load: Child<Load>
  /** The server process that all its others are children of. */
  readonly databasePid: number
}

type Work = Extract<(typeof phases)[Phase], { ask: string }>

async function measure(lane: Lane, phase: Phase, tools: Tools): Promise<Measured | undefined> {
  const work = phases[phase]
  if ('ask' in work) return askLoad(tools, lane.server, work)
  if (lane.second === undefined) return undefined
  const credentials = await tools.load.ask('credentials', lane.server.name)
  const wallMs = await lane.second.ask('check', { credentials, passes: work.passes })
  return { perSecond: (1_000 * work.passes * credentials.length) / wallMs, latencies: [] }
}

/** Round 0 is to warm up. */
async function playRound(lanes: readonly Lane[], tools: Tools, round: number): Promise<void> {
  for (const [index, phase] of PHASES.entries()) {
    // The order changes, so that no contender always runs after the same one.
    const shift = (round + index) % lanes.length
    for (const lane of [...lanes.slice(shift), ...lanes.slice(0, shift)]) {
      if (phase === 'signOut') await lane.watch.choose(tools.load)
      const measured = await measure(lane, phase, tools)
      if (phase === 'signOutAlone') await lane.watch.look(tools.load)
      if (measured !== undefined && round > 0) lane.measured[phase].push(measured)
    }
  }
}

async function openLane(server: Server, { seconds }: Contenders, load: Child<Load>): Promise<Lane> {
  const idleBytes = residentBytes(server.pid)
  await load.ask('open', { server: server.name, url: server.url, people: PEOPLE })
  const second = seconds.get(server.name)
  const measured = Object.fromEntries(PHASES.map((phase) => [phase, [] as Measured[]]))
  return {
    server,
    second,
    idleBytes,
    watch: new EndWatch(server, second),
    measured: measured as Record<Phase, Measured[]>,
  }
}

export async function takeTurns(
  contenders: Contenders,
  tools: Tools,
  note: (progress: string) => void,
): Promise<Result[]> {
  const lanes: Lane[] = []
  for (const server of contenders.servers) lanes.push(await openLane(server, contenders, tools.load))
  note('warming up')
  await playRound(lanes, tools, 0)
  const startedAt = performance.now()
  for (let round = 1; round <= ROUNDS_AT_MOST; round += 1) {
    const elapsed = performance.now() - startedAt
    if (round > ROUNDS_AT_LEAST && elapsed > MEASURED_MS) break
    note(`round ${round}, ${Math.round(elapsed / 1_000)} s`)
    await playRound(lanes, tools, round)
  }
  return lanes.map(({ server, measured, watch, idleBytes }) => ({
    name: server.name,
    measured,
    idleBytes,
    afterEnd: watch.seen,
    loadedBytes: residentBytes(server.pid),
  }))
}
