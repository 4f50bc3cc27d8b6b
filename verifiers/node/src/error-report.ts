import type { Clock } from './clock.ts'
import { RecentMap } from './recent-map.ts'

const MESSAGES_REMEMBERED = 100

/** Passes errors to `onError`, each message at most once in `repeatAfterMs`. Errors thrown by `onError` are ignored. */
export function createErrorReport(
  onError: (error: Error) => void,
  clock: Clock,
  repeatAfterMs: number,
): (error: Error) => void {
  const reportedAt = new RecentMap<string, number>(MESSAGES_REMEMBERED)
  return (error) => {
    const now = clock.monotonicMs()
    if (now - (reportedAt.get(error.message) ?? -Infinity) < repeatAfterMs) return
    reportedAt.set(error.message, now)
    try {
      onError(error)
    } catch {
      // The error callback itself failed, so there is nowhere left to report to.
    }
  }
}
