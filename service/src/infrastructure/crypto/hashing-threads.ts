import { Worker } from 'node:worker_threads'
import { ApplicationError } from '../../application/errors.ts'
import type { HashingWork, Result, Settings, Task, Took } from './hashing-thread.ts'

type Name = keyof HashingWork
type Input<Of extends Name> = HashingWork[Of] extends (...input: infer Given) => unknown ? Given : never

const MODULE = new URL('hashing-thread.ts', import.meta.url)

export interface Hashing {
  /** Throws what the work throws, and `overloaded` if the thread ends before the result. */
  run<Of extends Name>(name: Of, ...input: Input<Of>): Promise<ReturnType<HashingWork[Of]>>
}

interface Options extends Settings {
  readonly module?: URL | undefined
  readonly observe?: (took: Took) => void
}

/**
 * Threads that hash passwords: at the lowest priority, so that requests without a hash find a free core, or at the usual
 * one. If all threads are busy, another one is started, and it is kept. The caller has to limit how many tasks run at the
 * same time.
 */
export class HashingThreads implements Hashing {
  readonly #options: Options
  readonly #idle: Worker[] = []

  constructor(options: Options) {
    this.#options = options
  }

  async run<Of extends Name>(name: Of, ...input: Input<Of>): Promise<ReturnType<HashingWork[Of]>> {
    const thread = this.#idle.pop() ?? this.#start()
    const result = await resultFrom(thread, { name, input })
    this.#idle.push(thread)
    this.#options.observe?.(result.took)
    if ('failure' in result) throw result.failure
    return result.output as ReturnType<HashingWork[Of]>
  }

  #start(): Worker {
    const { module = MODULE, isLow } = this.#options
    const thread = new Worker(module, { workerData: { isLow } satisfies Settings })
    // Without a listener, an error in an idle thread would end the process.
    thread.on('error', () => undefined)
    thread.on('exit', () => {
      const place = this.#idle.indexOf(thread)
      if (place >= 0) this.#idle.splice(place, 1)
    })
    return thread
  }
}

/** The thread keeps the process alive until the result is there, and not while it is idle. */
async function resultFrom(thread: Worker, task: Task): Promise<Result> {
  const { promise, resolve, reject } = Promise.withResolvers<Result>()
  const fail = (cause: unknown): void =>
    reject(new ApplicationError('overloaded', { retryAfterSeconds: 1, cause }))
  const gone = (code: number): void => fail(new Error(`A hashing thread ended with code ${code}.`))
  thread.once('message', resolve).once('error', fail).once('exit', gone)
  thread.ref()
  thread.postMessage(task)
  try {
    return await promise
  } finally {
    thread.off('message', resolve).off('error', fail).off('exit', gone)
    thread.unref()
  }
}
