/** Time and chance, as tests need them in their hands. */
export interface Clock {
  /** Milliseconds from some moment on; never goes back. */
  monotonicMs(): number
  /** Milliseconds since the epoch, as this machine believes. */
  wallMs(): number
  /** Calls `action` after `ms`; answers how to prevent it. Holds no process open. */
  after(ms: number, action: () => void): () => void
  /** From 0 to below 1. */
  random(): number
}

export const systemClock: Clock = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
  after(ms, action) {
    const timer = setTimeout(action, ms).unref()
    return () => clearTimeout(timer)
  },
  random: () => Math.random(),
}

/** Half of `ms` up to all of it, so that many readers do not come back at one moment. */
export const jittered = (ms: number, clock: Clock): number => ms * (0.5 + clock.random() / 2)

/** A timer this late tells that the process was busy, and that bytes may be waiting to be read. */
const LATE_MS = 50

/** `clock.after`, for saying that nothing came: a process that was too busy to look gets to look first. */
export function afterSilence(clock: Clock, ms: number, action: () => void): () => void {
  const begunAt = clock.monotonicMs()
  let cancel = clock.after(ms, () => {
    const wasBusy = clock.monotonicMs() - begunAt - ms > LATE_MS
    if (wasBusy) cancel = clock.after(LATE_MS, action)
    else action()
  })
  return () => cancel()
}
