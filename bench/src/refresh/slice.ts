/** What was done in one stretch of time. */
export interface Slice {
  readonly count: number
  readonly wallMs: number
  /** Of each; what measures nothing of the kind leaves it empty. */
  readonly latenciesMs: readonly number[]
}

export const perSecond = ({ count, wallMs }: Slice): number => (count * 1_000) / wallMs

/** What comes before a slice: connections that nobody used for a while were closed, and a new one's first work takes longer. */
export const WARM_UP_MS = 300

/** So many at once, each beginning the next as soon as it is done with one, for so long. Rejects when one fails. */
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
