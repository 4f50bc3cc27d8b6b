/** Functions that are called with each event. One that throws or rejects does not affect the others. */
export class Subscribers<Event extends unknown[]> {
  readonly #subscriptions = new Set<{ readonly call: (...event: Event) => unknown }>()
  readonly #onError: (error: Error) => void

  constructor(onError: (error: Error) => void) {
    this.#onError = onError
  }

  /** Returns a function that unsubscribes. A function that subscribes twice is called twice. */
  subscribe(call: (...event: Event) => unknown): () => void {
    const subscription = { call }
    this.#subscriptions.add(subscription)
    return () => void this.#subscriptions.delete(subscription)
  }

  notify(...event: Event): void {
    for (const { call } of this.#subscriptions) {
      try {
        const result = call(...event)
        if (result instanceof Promise) result.catch((error: unknown) => this.#report(error))
      } catch (error) {
        this.#report(error)
      }
    }
  }

  clear(): void {
    this.#subscriptions.clear()
  }

  #report(cause: unknown): void {
    this.#onError(new Error('A listener threw an error.', { cause }))
  }
}
