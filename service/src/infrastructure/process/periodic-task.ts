import type { Logger } from 'pino'

/** Runs a task at an interval, and never twice at the same time. A failed run is logged; the next one comes as usual. */
export class PeriodicTask {
  readonly #name: string
  readonly #run: () => Promise<unknown>
  readonly #intervalMs: number
  readonly #logger: Logger
  #timer: NodeJS.Timeout | undefined
  #running: Promise<void> = Promise.resolve()
  #isStopped = false

  constructor(name: string, intervalMs: number, run: () => Promise<unknown>, logger: Logger) {
    this.#name = name
    this.#intervalMs = intervalMs
    this.#run = run
    this.#logger = logger
  }

  start(): void {
    // Jitter: instances that started together must not all run the task at the same moment.
    const wait = this.#intervalMs * (0.9 + 0.2 * Math.random())
    this.#timer = setTimeout(() => {
      this.#running = this.#runOnce()
    }, wait).unref()
  }

  /** Waits for a run in progress. No other run follows. */
  async stop(): Promise<void> {
    this.#isStopped = true
    clearTimeout(this.#timer)
    await this.#running
  }

  async #runOnce(): Promise<void> {
    try {
      await this.#run()
    } catch (error) {
      this.#logger.warn({ event: 'task.failed', task: this.#name, err: error })
    }
    if (!this.#isStopped) this.start()
  }
}
