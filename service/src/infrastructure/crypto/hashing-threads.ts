import { Worker } from 'node:worker_threads'
import { ApplicationError } from '../../application/errors.ts'
import type { HashingWork, Result, Task } from './hashing-thread.ts'

type Name = keyof HashingWork
type Input<Of extends Name> = HashingWork[Of] extends (...input: infer Given) => unknown ? Given : never

const MODULE = new URL('hashing-thread.ts', import.meta.url)

/**
 * Threads that hash passwords at the lowest priority, so that requests which need no hash find a free core. Callers bound
 * how much is under way at once: a thread is started, and then kept, whenever all there are have something to do.
 */
export class HashingThreads {
  readonly #module: URL
  readonly #idle: Worker[] = []

  constructor(module = MODULE) {
    this.#module = module
  }

  /** Fails as the work does; throws `overloaded` when the thread ends over it. */
  async run<Of extends Name>(name: Of, ...input: Input<Of>): Promise<ReturnType<HashingWork[Of]>> {
    const thread = this.#idle.pop() ?? this.#start()
    const result = await resultFrom(thread, { name, input })
    this.#idle.push(thread)
    if ('failure' in result) throw result.failure
    return result.output as ReturnType<HashingWork[Of]>
  }

  #start(): Worker {
    const thread = new Worker(this.#module)
    // Without a listener, the end of one that has nothing to do would be the end of the process.
    thread.on('error', () => undefined)
    thread.on('exit', () => {
      const place = this.#idle.indexOf(thread)
      if (place >= 0) this.#idle.splice(place, 1)
    })
    return thread
  }
}

/** The process lives at least until the answer is there, and not for the thread's sake alone. */
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

/** The process's own. */
export const hashingThreads = new HashingThreads()
