import { Child } from '../child.ts'
import type { StandIn } from './stand-in.ts'
import { ALGORITHMS, type Algorithm } from './tokens.ts'
import type { Cost, Memory, Slice, Worker } from './worker.ts'

const REVOKED = [0, 100_000, 1_000_000]
/** Short, so that other load on the machine disturbs few of them; the median counts. */
const SLICE_MS = 25
const MEASURED_MS = 60_000
const ROUNDS_AT_MOST = 50
const ROUNDS_AT_LEAST = 10

export interface Measured extends Slice {
  readonly revoked: number
  /** One of each round, in the order of the rounds. */
  readonly costs: Cost[]
}

export interface Holding extends Memory {
  readonly revoked: number
}

interface Lane extends Measured {
  readonly worker: Child<Worker>
  readonly count: number
}

async function startWorker(revoked: number, standIn: Child<StandIn>) {
  const worker = new Child<Worker>(new URL('worker.ts', import.meta.url), ['--expose-gc'])
  const jwks = await worker.ask('issue', algorithmsWith(revoked))
  const url = await standIn.ask('open', { revoked, jwks })
  const memory = await worker.ask('connect', url)
  if (revoked === 0) await worker.ask('addOthers', url)
  return { worker, holding: { revoked, ...memory } }
}

/** Looking up a session costs the same for every algorithm. */
const algorithmsWith = (revoked: number): readonly Algorithm[] => (revoked === 0 ? ALGORITHMS : ['EdDSA'])

function slicesWith(revoked: number): Slice[] {
  return algorithmsWith(revoked).flatMap((algorithm) => {
    const others = revoked === 0 ? (['jose', 'jose16'] as const) : []
    const full = revoked === 0 && algorithm === 'EdDSA' ? (['seenFull'] as const) : []
    return (['bare', 'first', 'seen', ...others, ...full] as const).map((contender) => ({
      algorithm,
      contender,
    }))
  })
}

async function calibrated(revoked: number, worker: Child<Worker>): Promise<Lane[]> {
  const lanes: Lane[] = []
  for (const slice of slicesWith(revoked)) {
    const count = await worker.ask('calibrate', { slice, sliceMs: SLICE_MS })
    lanes.push({ ...slice, revoked, worker, count, costs: [] })
  }
  return lanes
}

/** Interleaved, one at a time: a disturbance of the machine hits them all. */
async function takeTurns(lanes: readonly Lane[], note: (progress: string) => void): Promise<void> {
  const startedAt = performance.now()
  for (let round = 0; round < ROUNDS_AT_MOST; round += 1) {
    const elapsed = performance.now() - startedAt
    if (round >= ROUNDS_AT_LEAST && elapsed > MEASURED_MS) break
    if (round % 10 === 0) note(`round ${round + 1}, ${Math.round(elapsed / 1_000)} s`)
    // None always follows the same one.
    const shift = (round * 7) % lanes.length
    for (const lane of [...lanes.slice(shift), ...lanes.slice(0, shift)]) {
      const { worker, algorithm, contender, count } = lane
      lane.costs.push(await worker.ask('measure', { slice: { algorithm, contender }, count }))
    }
  }
}

export interface Measurements {
  readonly measured: readonly Measured[]
  readonly holdings: readonly Holding[]
}

/** Every contender in turn, with each number of ended sessions. */
export async function measure(note: (progress: string) => void): Promise<Measurements> {
  const standIn = new Child<StandIn>(new URL('stand-in.ts', import.meta.url))
  const lanes: Lane[] = []
  const holdings: Holding[] = []
  for (const revoked of REVOKED) {
    note(`a verifier that knows ${revoked.toLocaleString('en')} ended sessions`)
    const { worker, holding } = await startWorker(revoked, standIn)
    holdings.push(holding)
    lanes.push(...(await calibrated(revoked, worker)))
  }
  await takeTurns(lanes, note)
  return {
    measured: lanes.map(({ algorithm, contender, revoked, costs }) => ({
      algorithm,
      contender,
      revoked,
      costs,
    })),
    holdings,
  }
}
