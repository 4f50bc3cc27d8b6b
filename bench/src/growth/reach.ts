// Assigns sessions to the kinds of work, in the same way at every size. Some users are reserved for sign-ins and lists,
// so that this work does not touch the sessions that are refreshed.
import { SESSIONS_PER_PERSON } from '../refresh/bulk-sessions.ts'

export const SIZES = [10_000, 1_000_000, 10_000_000] as const
export const [FEW, MANY, MOST] = SIZES

/** The number of users who sign in, and of users who list their sessions and search. */
export const SIGNING_IN = 50
export const ASKING = 50
const SET_APART = (SIGNING_IN + ASKING) * SESSIONS_PER_PERSON

/**
 * The size of the working set: as many sessions as the smallest size has, spread over all, so that it fits into memory
 * at every size.
 */
export const WORKING_SET = 4_500

/** `near`: in the working set. `anywhere`: each session is far from the last one, so hardly any page is used twice. */
export type Reach = 'near' | 'anywhere'

/** Two clients refresh at the same time, each with its own half of the sessions. */
export type Half = 'driver' | 'http'

export interface Target {
  /** The session's number. */
  readonly session: number
  /** How often it was refreshed before. */
  readonly generation: number
}

const GOLDEN = (Math.sqrt(5) - 1) / 2

/** Returns the sessions of one half of `size` sessions one after another, each with its current generation. */
export function createTargets(size: number, half: Half): (reach: Reach) => Target {
  const generations = new Map<number, number>()
  const room = (size - SET_APART) / 2
  const done = { near: 0, anywhere: 0 }
  const placeOf = (reach: Reach): number => {
    const count = (done[reach] += 1)
    const items = reach === 'near' ? WORKING_SET : room
    // Multiples of the golden ratio spread evenly: a session is never near the ones before it.
    return Math.floor((Math.floor(((count * GOLDEN) % 1) * items) * room) / items)
  }
  return (reach) => {
    const session = SET_APART + 2 * placeOf(reach) + (half === 'driver' ? 0 : 1)
    const generation = generations.get(session) ?? 0
    generations.set(session, generation + 1)
    return { session, generation }
  }
}
