import type { Clock } from './clock.ts'
import { RecentMap } from './recent-map.ts'

const QUIET_MS = 30_000
const MESSAGES_REMEMBERED = 100

/** Passes errors on to `onError`, the same words at most every 30 seconds. What `onError` throws hurts nobody. */
export function createErrorReport(onError: (error: Error) => void, clock: Clock): (error: Error) => void {
  const toldAt = new RecentMap<string, number>(MESSAGES_REMEMBERED)
  return (error) => {
    const now = clock.monotonicMs()
    if (now - (toldAt.get(error.message) ?? -Infinity) < QUIET_MS) return
    toldAt.set(error.message, now)
    try {
      onError(error)
    } catch {
      // Whoever listens for errors has one of their own; there is nobody to tell.
    }
  }
}
