import type { Clock } from './clock.ts'
import type { Freshness } from './freshness.ts'
import type { ReadyOptions } from './types.ts'

/** Waits for the first freshness; keeps the process alive meanwhile, since somebody waits. */
export class Readiness {
  readonly #freshness: Freshness
  readonly #clock: Clock
  readonly #fails = new Set<(error: Error) => void>()
  #isClosed = false

  constructor(freshness: Freshness, clock: Clock) {
    this.#freshness = freshness
    this.#clock = clock
  }

  /** Rejects after `timeoutMs` and on close with an `Error`, on abort with the signal's reason. */
  async wait({ timeoutMs, signal }: ReadyOptions, lastError: () => Error | undefined): Promise<void> {
    signal?.throwIfAborted()
    if (this.#isClosed) throw new Error('The verifier is closed.')
    await new Promise<void>((resolve, reject) => {
      const hold = setInterval(() => undefined, 60_000)
      const undo: (() => void)[] = [() => clearInterval(hold)]
      const settle = (end: () => void) => {
        for (const action of undo) action()
        end()
      }
      const fail = (error: Error) => settle(() => reject(error))
      const abort = () => fail(signal?.reason as Error)
      this.#fails.add(fail)
      signal?.addEventListener('abort', abort, { once: true })
      undo.push(
        () => this.#fails.delete(fail),
        () => signal?.removeEventListener('abort', abort),
      )
      if (timeoutMs !== undefined) {
        const giveUp = () => fail(new Error(`Not ready within ${timeoutMs} ms.`, { cause: lastError() }))
        undo.push(this.#clock.after(timeoutMs, giveUp))
      }
      undo.push(this.#freshness.whenFresh(() => settle(resolve)))
    })
  }

  close(): void {
    this.#isClosed = true
    for (const fail of this.#fails) fail(new Error('The verifier is closed.'))
  }
}
