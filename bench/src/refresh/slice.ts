/** The work done within one stretch of time. */
export interface Slice {
  readonly count: number
  readonly wallMs: number
  /** Of each piece of work; empty where latencies are not measured. */
  readonly latenciesMs: readonly number[]
}

export const perSecond = ({ count, wallMs }: Slice): number => (count * 1_000) / wallMs

/** Warm-up before a slice: idle connections were closed, and the first request on a new one is slower. */
export const WARM_UP_MS = 300

/** Runs `atOnce` workers for `forMs` milliseconds; each starts its next piece of work when one is done. Rejects when one fails. */
export async function closedLoop(
  atOnce: number,
  forMs: number,
  work: (worker: number) => Promise<void>,
): Promise<Slice> {
  const latenciesMs: number[] = []
  const startedAt = performance.now()
  const endsAt = startedAt + forMs
  const workers = Array.from({ length: atOnce }, async (_, worker) => {
    for (let at = performance.now(); at < endsAt;) {
      await work(worker)
      const doneAt = performance.now()
      latenciesMs.push(doneAt - at)
      at = doneAt
    }
  })
  await Promise.all(workers)
  return { count: latenciesMs.length, wallMs: performance.now() - startedAt, latenciesMs }
}
