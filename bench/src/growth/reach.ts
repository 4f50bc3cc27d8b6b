// Whose sessions are used for what, at every size alike. Some people are set apart, so that nothing that is done to them
// disturbs the others' sessions.
import { SESSIONS_PER_PERSON } from '../refresh/bulk-sessions.ts'

export const SIZES = [10_000, 1_000_000, 10_000_000] as const
export const [FEW, MANY, MOST] = SIZES

/** They sign in; the others list their sessions and search. */
export const SIGNING_IN = 50
export const ASKING = 50
const SET_APART = (SIGNING_IN + ASKING) * SESSIONS_PER_PERSON

/** As many as there are at the smallest size, spread over all: a part that is in memory at every size. */
export const WORKING_SET = 4_500

/** `near`: in the working set. `anywhere`: each one as far from the last as can be, so hardly any page twice. */
export type Reach = 'near' | 'anywhere'

/** Of two who refresh at the same time, each has its own sessions. */
export type Half = 'driver' | 'http'

export interface Target {
  /** The session's number. */
  readonly session: number
  /** How often it was refreshed before. */
  readonly generation: number
}

const GOLDEN = (Math.sqrt(5) - 1) / 2

/** The sessions of one half among so many, one after the other, each with the generation that it has by then. */
export function createTargets(size: number, half: Half): (reach: Reach) => Target {
  const generations = new Map<number, number>()
  const room = (size - SET_APART) / 2
  const done = { near: 0, anywhere: 0 }
  const placeOf = (reach: Reach): number => {
    const count = (done[reach] += 1)
    const items = reach === 'near' ? WORKING_SET : room
    // Sequences of these fractions never come close to where they have just been.
    return Math.floor((Math.floor(((count * GOLDEN) % 1) * items) * room) / items)
  }
  return (reach) => {
    const session = SET_APART + 2 * placeOf(reach) + (half === 'driver' ? 0 : 1)
    const generation = generations.get(session) ?? 0
    generations.set(session, generation + 1)
    return { session, generation }
  }
}
