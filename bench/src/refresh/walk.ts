import { NUMBER_IN_SQL } from './bulk-sessions.ts'

// Assigns sessions to refreshing clients. No two clients refresh the same session, and each knows its generation
// without a query.

export const SESSIONS = 1_000_000

/** Sessions are dealt out in turn: a class has its share of every page of the table. */
const CLASSES = 64
export const CLASSES_PER_LANE = 16
export const CLASS_SIZE = SESSIONS / CLASSES
/** From one session to the next in a class: far, and meeting each once before any comes again. */
const STRIDE = 9_657

/** In the order of their classes. */
export const LANES = ['pgbench', 'statement', 'rotate', 'http'] as const
export type Lane = (typeof LANES)[number]

const firstClassOf = (lane: Lane): number => LANES.indexOf(lane) * CLASSES_PER_LANE

export interface Stop {
  /** The session's number. */
  readonly session: number
  /** How often it was refreshed before. */
  readonly generation: number
}

/** The next session of a class after so many refreshes. */
export const stopInClass = (number: number, walked: number): Stop => ({
  session: CLASSES * ((walked * STRIDE) % CLASS_SIZE) + number,
  generation: Math.floor(walked / CLASS_SIZE),
})

/** The refreshes of a lane in their order: its classes take turns. */
export function createWalk(lane: Lane): () => Stop {
  const first = firstClassOf(lane)
  let done = 0
  return () => {
    const stop = stopInClass(first + (done % CLASSES_PER_LANE), Math.floor(done / CLASSES_PER_LANE))
    done += 1
    return stop
  }
}

/** In SQL, of `n`: the session after that one in its class. */
export const NEXT_IN_SQL = `(${CLASSES} * ((n / ${CLASSES} + ${STRIDE}) % ${CLASS_SIZE}) + n % ${CLASSES})`

/** In pgbench's expressions, of `walked` and `client_id`, for the lane with the first classes. */
export const SESSION_IN_PGBENCH = `${CLASSES} * (:walked * ${STRIDE} % ${CLASS_SIZE}) + :client_id`

/** How often each class was refreshed, as the database has it. */
export const WALKED_IN_SQL = `
  select (${NUMBER_IN_SQL} % ${CLASSES})::integer as class, sum(generation)::integer as walked
  from sessions group by class order by class`
