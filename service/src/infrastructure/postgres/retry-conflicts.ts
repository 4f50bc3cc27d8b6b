import { setTimeout as delay } from 'node:timers/promises'
import { isConflict } from './unavailable.ts'

const ATTEMPTS = 3
/** Pause before the next attempt, so that the conflicting transaction can finish. */
const PAUSE_MS = 25

/** Runs a transaction again after a deadlock or a serialization failure. The last failure is `unavailable`. */
export async function retryConflicts<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work()
    } catch (error) {
      if (attempt === ATTEMPTS || !isConflict(error)) throw error
      await delay(PAUSE_MS * attempt)
    }
  }
}
