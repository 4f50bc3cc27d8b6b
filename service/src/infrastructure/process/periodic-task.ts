import type { Logger } from 'pino'

/** A task that runs again and again, never beside itself. A run that fails is logged and tried again in its turn. */
export class PeriodicTask {
  readonly #name: string
  readonly #run: () => Promise<void>
  readonly #intervalMs: number
  readonly #logger: Logger
  #timer: NodeJS.Timeout | undefined
  #running: Promise<void> = Promise.resolve()
  #isStopped = false

  constructor(name: string, intervalMs: number, run: () => Promise<void>, logger: Logger) {
    this.#name = name
    this.#intervalMs = intervalMs
    this.#run = run
    this.#logger = logger
  }

  start(): void {
    // Instances that started together drift apart, so that they do not all come at once.
    const wait = this.#intervalMs * (0.9 + 0.2 * Math.random())
    this.#timer = setTimeout(() => {
      this.#running = this.#runOnce()
    }, wait).unref()
  }

  /** Waits for a run that is under way; no other follows. */
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
