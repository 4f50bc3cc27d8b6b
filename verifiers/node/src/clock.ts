import { uptime } from 'node:os'
import { createContinuousClock } from './continuous-clock.ts'

/** Time and randomness. Tests replace it. */
export interface Clock {
  /** Milliseconds since an arbitrary moment; never decreases, and goes on while the machine is suspended. */
  monotonicMs(): number
  /** Milliseconds since the epoch, by this machine's wall clock. */
  wallMs(): number
  /** Calls `action` after `ms`. Returns a function that cancels it. Does not keep the process alive. */
  after(ms: number, action: () => void): () => void
  /** From 0 up to, but not including, 1. */
  random(): number
}

function uptimeMs(): number {
  try {
    return uptime() * 1000
  } catch {
    // A sandbox may forbid it.
    return NaN
  }
}

const systemMonotonicMs = (): number => performance.now()

/** While the machine is suspended, `performance.now()` stands still on Linux. Deno would ask for a permission. */
const monotonicMs =
  process.platform === 'linux' && process.versions['deno'] === undefined
    ? createContinuousClock({
        monotonicMs: systemMonotonicMs,
        wallMs: () => Date.now(),
        uptimeMs,
      })
    : systemMonotonicMs

export const systemClock: Clock = {
  monotonicMs,
  wallMs: () => Date.now(),
  after(ms, action) {
    const timer = setTimeout(action, ms).unref()
    return () => clearTimeout(timer)
  },
  random: () => Math.random(),
}

/** Between half of `ms` and all of it, so that many verifiers do not reconnect at the same moment. */
export const jittered = (ms: number, clock: Clock): number => ms * (0.5 + clock.random() / 2)

/** A timer this late means that the event loop was blocked, and unread bytes may be waiting. */
const LATE_MS = 50

/** Like `clock.after`, for a timeout on incoming data: after a blocked event loop, pending data is read first. */
export function afterSilence(clock: Clock, ms: number, action: () => void): () => void {
  const startedAt = clock.monotonicMs()
  let cancel = clock.after(ms, () => {
    const wasBlocked = clock.monotonicMs() - startedAt - ms > LATE_MS
    if (wasBlocked) cancel = clock.after(LATE_MS, action)
    else action()
  })
  return () => cancel()
}
