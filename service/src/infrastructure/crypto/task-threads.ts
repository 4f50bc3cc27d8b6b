import { Worker } from 'node:worker_threads'
import { ApplicationError } from '../../application/errors.ts'
import type { Result, Task, Tasks, Took } from './serve-tasks.ts'

export type Input<Of extends Tasks, Name extends keyof Of> = Of[Name] extends (
  ...input: infer Given
) => unknown
  ? Given
  : never

export interface Threads<Of extends Tasks> {
  /** Throws what the task throws, and `overloaded` if the thread ends or takes too long. */
  run<Name extends keyof Of>(name: Name, ...input: Input<Of, Name>): Promise<ReturnType<Of[Name]>>
}

interface Options {
  /** Calls `serveTasks`. */
  readonly module: URL
  readonly workerData?: unknown
  /** A thread that takes longer is ended. Undefined: no limit. */
  readonly longestRunMs?: number | undefined
  readonly observe?: (took: Took) => void
}

/**
 * Threads for work that would block the event loop. If all threads are busy, another one is started, and it is kept. The
 * caller has to limit how many tasks run at the same time.
 */
export class TaskThreads<Of extends Tasks> implements Threads<Of> {
  readonly #options: Options
  readonly #idle: Worker[] = []
  readonly #ended = new WeakSet<Worker>()

  constructor(options: Options) {
    this.#options = options
  }

  async run<Name extends keyof Of>(name: Name, ...input: Input<Of, Name>): Promise<ReturnType<Of[Name]>> {
    const thread = this.#idle.pop() ?? this.#start()
    const result = await resultFrom(thread, { name, input }, this.#options.longestRunMs)
    // Result and end may come in the same moment, so a thread can have ended by now. It would never return another result.
    if (!this.#ended.has(thread)) this.#idle.push(thread)
    this.#options.observe?.(result.took)
    if ('failure' in result) throw result.failure
    return result.output as ReturnType<Of[Name]>
  }

  #start(): Worker {
    const { module, workerData } = this.#options
    const thread = new Worker(module, { workerData })
    // Without a listener, an error in an idle thread would end the process.
    thread.on('error', () => undefined)
    thread.on('exit', () => {
      this.#ended.add(thread)
      const place = this.#idle.indexOf(thread)
      if (place >= 0) this.#idle.splice(place, 1)
    })
    return thread
  }
}

/** The thread keeps the process alive until the result is there, and not while it is idle. */
async function resultFrom(thread: Worker, task: Task, longestRunMs?: number): Promise<Result> {
  const { promise, resolve, reject } = Promise.withResolvers<Result>()
  const fail = (cause: unknown): void =>
    reject(new ApplicationError('overloaded', { retryAfterSeconds: 1, cause }))
  const gone = (code: number): void => fail(new Error(`A worker thread ended with code ${code}.`))
  const end = (): void => {
    fail(new Error(`A worker thread had no result within ${longestRunMs} ms.`))
    void thread.terminate()
  }
  const timer = longestRunMs === undefined ? undefined : setTimeout(end, longestRunMs)
  thread.once('message', resolve).once('error', fail).once('exit', gone)
  thread.ref()
  thread.postMessage(task)
  try {
    return await promise
  } finally {
    clearTimeout(timer)
    thread.off('message', resolve).off('error', fail).off('exit', gone)
    thread.unref()
  }
}
