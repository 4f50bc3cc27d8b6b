import type { HashingTasks, Settings } from './hashing-thread.ts'
import { TaskThreads, type Threads } from './task-threads.ts'

const MODULE = new URL('hashing-thread.ts', import.meta.url)

/** A hundred times what a hash takes on its own, and longer than a hash of an imported user (PBKDF2). */
const SLOW_HASH_MS = 1_000
/** Of the processor, while a thread hashes. Below it, hashing at low priority has failed. */
const LEAST_SHARE = 0.25
/** The priority is lowered again after this time, to see whether the other work has ended. */
const AFTERWARDS_MS = 30_000
/** Of what was measured before, at each hash: about the last eight count. */
const WEIGHT_OF_EARLIER = 0.875

/**
 * Hashes in threads of low priority while these make progress, and otherwise in threads of the usual one. A thread cannot
 * raise its priority again, so there are two sets of threads. A hash that takes too long is started a second time.
 */
export class UnstarvedThreads implements Threads<HashingTasks> {
  readonly #low: TaskThreads<HashingTasks>
  readonly #usual: TaskThreads<HashingTasks>
  #processorMs = 0
  #elapsedMs = 0
  #starvedUntil = 0
  /** Hashes at low priority that nobody waits for any more. They show that it still makes no progress. */
  #abandoned = 0

  constructor(module = MODULE) {
    this.#low = new TaskThreads({
      module,
      workerData: { isLow: true } satisfies Settings,
      observe: (took) => this.#note(took),
    })
    this.#usual = new TaskThreads({ module, workerData: { isLow: false } satisfies Settings })
  }

  /** Whether other programs leave too little of the processors to threads of low priority. */
  get isStarved(): boolean {
    return this.#abandoned > 0 || performance.now() < this.#starvedUntil
  }

  readonly run: Threads<HashingTasks>['run'] = async (name, ...input) => {
    if (this.isStarved) return this.#usual.run(name, ...input)
    const task = this.#low.run(name, ...input)
    if (await isSettledWithin(task, SLOW_HASH_MS)) return task
    this.#starve()
    this.#abandoned += 1
    const end = (): void => void (this.#abandoned -= 1)
    task.then(end, end)
    return Promise.race([task, this.#usual.run(name, ...input)])
  }

  #note({ processorMs, elapsedMs }: { processorMs: number; elapsedMs: number }): void {
    this.#processorMs = this.#processorMs * WEIGHT_OF_EARLIER + processorMs
    this.#elapsedMs = this.#elapsedMs * WEIGHT_OF_EARLIER + elapsedMs
    if (this.#processorMs < this.#elapsedMs * LEAST_SHARE) this.#starve()
  }

  #starve(): void {
    this.#starvedUntil = performance.now() + AFTERWARDS_MS
    this.#processorMs = 0
    this.#elapsedMs = 0
  }
}

async function isSettledWithin(task: Promise<unknown>, limitMs: number): Promise<boolean> {
  const late = Promise.withResolvers<boolean>()
  const timer = setTimeout(() => late.resolve(false), limitMs)
  const settled = (): boolean => true
  try {
    return await Promise.race([task.then(settled, settled), late.promise])
  } finally {
    clearTimeout(timer)
  }
}

/** The threads that all hashers of this process share. */
export const hashingThreads = new UnstarvedThreads()
