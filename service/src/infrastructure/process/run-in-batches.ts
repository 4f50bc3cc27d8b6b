import { setTimeout as delay } from 'node:timers/promises'

/** Does up to `limit` of its work, and returns how much it did. */
export type Batch = (limit: number) => Promise<number>

export interface BatchOptions {
  readonly limit: number
  /** No batch begins after this. */
  readonly signal: AbortSignal
  /** Resolves when the next round may begin. */
  readonly pause?: (workedMs: number) => Promise<void>
}

const SHORTEST_PAUSE_MS = 20

/** Leaves the database at least half of the time to everybody else. */
const pauseAsLong = (workedMs: number): Promise<void> => delay(Math.max(SHORTEST_PAUSE_MS, workedMs))

/** Runs batches in turn, each until it comes back with less than `limit`. So a long backlog of one does not hold up the others. */
export async function runInBatches(
  batches: readonly Batch[],
  { limit, signal, pause = pauseAsLong }: BatchOptions,
): Promise<void> {
  let left = batches
  for (;;) {
    const began = performance.now()
    const full: Batch[] = []
    for (const batch of left) {
      if (signal.aborted) return
      if ((await batch(limit)) >= limit) full.push(batch)
    }
    if (full.length === 0) return
    left = full
    await pause(performance.now() - began)
  }
}
