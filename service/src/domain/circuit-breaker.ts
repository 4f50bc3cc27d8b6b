import { secondsAfter } from './session.ts'
import type { UserId } from './user.ts'

/** So many people's deliveries fail without one that succeeds: it is the consumer that is away, not one of them. */
const PEOPLE_TO_OPEN = 5
const FIRST_PAUSE_SECONDS = 5
const LONGEST_PAUSE_SECONDS = 120

/** Keeps a consumer that is away from being called for every event there is. */
export interface Circuit {
  /** Whose deliveries failed since one last succeeded. One person's, however often, says nothing about the consumer. */
  readonly failing: ReadonlySet<UserId>
  /** Pauses in a row; 0 while it is closed. */
  readonly pauses: number
  /** Until then nothing is tried; after that one delivery at a time. */
  readonly pausedUntil: Date | undefined
}

export const closedCircuit: Circuit = { failing: new Set(), pauses: 0, pausedUntil: undefined }

export const isOpen = (circuit: Circuit): boolean => circuit.pauses > 0

export const isPaused = ({ pausedUntil }: Circuit, now: Date): boolean =>
  pausedUntil !== undefined && now < pausedUntil

/** After a delivery to that person failed. `chance` is a number from 0 to 1: instances do not come back at once. */
export function afterFailure(circuit: Circuit, userId: UserId, now: Date, chance: number): Circuit {
  // Deliveries that were under way when the pause began say nothing new.
  if (isPaused(circuit, now)) return circuit
  const failing =
    circuit.failing.size < PEOPLE_TO_OPEN ? new Set([...circuit.failing, userId]) : circuit.failing
  if (failing.size < PEOPLE_TO_OPEN) return { ...circuit, failing }
  const seconds = Math.min(FIRST_PAUSE_SECONDS * 2 ** circuit.pauses, LONGEST_PAUSE_SECONDS)
  return { failing, pauses: circuit.pauses + 1, pausedUntil: secondsAfter(now, seconds * (1 - chance / 2)) }
}
