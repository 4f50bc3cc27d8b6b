import type { Clock } from '../clock.ts'
import type { ReadyOptions } from '../types.ts'
import type { Freshness } from './freshness.ts'

/** A service that starts at the same time is ready sooner. */
const DEFAULT_TIMEOUT_MS = 30_000
const LONGEST_TIMER_MS = 2 ** 31 - 1

const WHAT_TO_CHECK =
  'Check that url is the internal listener of the auth service (port 8010 by default) and that serviceKey is one of its SERVICE_KEYS.'

/** Waits until the verifier is fresh for the first time. Keeps the process alive while a caller waits. */
export class Readiness {
  readonly #freshness: Freshness
  readonly #clock: Clock
  readonly #failures = new Set<(error: Error) => void>()
  #refusal: Error | undefined
  #isClosed = false

  constructor(freshness: Freshness, clock: Clock) {
    this.#freshness = freshness
    this.#clock = clock
  }

  /** Rejects with an `Error` after `timeoutMs`, on a refusal and on close, and with the signal's reason on abort. */
  async wait(
    { timeoutMs = DEFAULT_TIMEOUT_MS, signal }: ReadyOptions,
    lastError: () => Error | undefined,
  ): Promise<void> {
    signal?.throwIfAborted()
    if (this.#isClosed) throw new Error('The verifier is closed.')
    await new Promise<void>((resolve, reject) => {
      const keepAlive = setInterval(() => undefined, 60_000)
      const cleanups: (() => void)[] = [() => clearInterval(keepAlive)]
      const settle = (outcome: () => void) => {
        for (const cleanup of cleanups) cleanup()
        outcome()
      }
      const fail = (error: Error) => settle(() => reject(error))
      const abort = () => fail(signal?.reason as Error)
      this.#failures.add(fail)
      signal?.addEventListener('abort', abort, { once: true })
      cleanups.push(
        () => this.#failures.delete(fail),
        () => signal?.removeEventListener('abort', abort),
      )
      const timeOut = () => fail(notReady(`Not ready within ${timeoutMs} ms.`, lastError()))
      if (timeoutMs !== Infinity) {
        cleanups.push(this.#clock.after(Math.min(timeoutMs, LONGEST_TIMER_MS), timeOut))
      }
      cleanups.push(this.#freshness.whenFresh(() => settle(resolve)))
      if (this.#refusal !== undefined) fail(this.#refusal)
    })
  }

  /** The service refused the feed: waiting longer does not help before a setting changes. */
  refuse(error: Error): void {
    this.#refusal = notReady('The auth service refused the revocation feed.', error)
    for (const fail of this.#failures) fail(this.#refusal)
  }

  /** The feed is open, so the settings are right. */
  accept(): void {
    this.#refusal = undefined
  }

  close(): void {
    this.#isClosed = true
    for (const fail of this.#failures) fail(new Error('The verifier is closed.'))
  }
}

const notReady = (what: string, cause: Error | undefined): Error =>
  new Error([what, cause?.message, WHAT_TO_CHECK].filter((text) => text !== undefined).join(' '), { cause })
