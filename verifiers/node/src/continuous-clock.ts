/** Clocks of a machine, in milliseconds since any moment. */
export interface MachineClocks {
  /** May stand still while the machine is suspended. */
  readonly monotonicMs: () => number
  /** May be set. */
  readonly wallMs: () => number
  /** Since the machine was started, also while it is suspended. NaN if that cannot be read. */
  readonly uptimeMs: () => number
}

/** Clocks that moved by less against each other did not because the machine was suspended, or it does no harm. */
const LARGEST_SHIFT_MS = 100

/**
 * Returns a clock that never decreases and goes on while the machine is suspended. The uptime takes a hundred times as long
 * to read as the others. So it is read only after the wall clock has moved against the monotonic one. The wall clock itself
 * counts for nothing: it may have been set.
 */
export function createContinuousClock({ monotonicMs, wallMs, uptimeMs }: MachineClocks): () => number {
  const startedMs = uptimeMs() - monotonicMs()
  let wallOffsetMs = wallMs() - monotonicMs()
  let suspendedMs = 0
  return () => {
    const now = monotonicMs()
    const offsetMs = wallMs() - now
    if (Math.abs(offsetMs - wallOffsetMs) > LARGEST_SHIFT_MS) {
      wallOffsetMs = offsetMs
      const goneMs = uptimeMs() - startedMs - now
      if (goneMs > suspendedMs + LARGEST_SHIFT_MS) suspendedMs = goneMs
    }
    return now + suspendedMs
  }
}
