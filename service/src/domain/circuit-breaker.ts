import { secondsAfter } from './session.ts'
import type { UserId } from './user.ts'

/** The consumer counts as down if deliveries for this many users fail in a row. */
const FAILING_USERS_TO_OPEN = 5
const FIRST_PAUSE_SECONDS = 5
const LONGEST_PAUSE_SECONDS = 120

/** Stops calls to a consumer that is down. */
export interface Circuit {
  /** The users whose deliveries failed since the last success. Failures of one user say nothing about the consumer. */
  readonly failing: ReadonlySet<UserId>
  /** The number of successive pauses; 0 while the circuit is closed. */
  readonly pauses: number
  /** No delivery is attempted until then, and one at a time afterwards. */
  readonly pausedUntil: Date | undefined
}

export const closedCircuit: Circuit = { failing: new Set(), pauses: 0, pausedUntil: undefined }

export const isOpen = (circuit: Circuit): boolean => circuit.pauses > 0

/** A pause longer than any was begun by a clock that was ahead. It is over. */
export const isPaused = ({ pausedUntil }: Circuit, now: Date): boolean =>
  pausedUntil !== undefined && now < pausedUntil && pausedUntil <= secondsAfter(now, LONGEST_PAUSE_SECONDS)

/** There is a sign that the consumer is up. One delivery at a time shows whether it is. */
export const withoutPause = (circuit: Circuit): Circuit => ({ ...circuit, pausedUntil: undefined })

/** After a delivery for that user failed. `chance` is a number from 0 to 1, so that instances do not retry at the same time. */
export function afterFailure(circuit: Circuit, userId: UserId, now: Date, chance: number): Circuit {
  // Deliveries that were in flight when the pause began do not extend it.
  if (isPaused(circuit, now)) return circuit
  const failing =
    circuit.failing.size < FAILING_USERS_TO_OPEN ? new Set([...circuit.failing, userId]) : circuit.failing
  if (failing.size < FAILING_USERS_TO_OPEN) return { ...circuit, failing }
  const seconds = Math.min(FIRST_PAUSE_SECONDS * 2 ** circuit.pauses, LONGEST_PAUSE_SECONDS)
  return { failing, pauses: circuit.pauses + 1, pausedUntil: secondsAfter(now, seconds * (1 - chance / 2)) }
}
