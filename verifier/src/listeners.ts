/** Whoever wants to hear of something. One that throws, at once or later, keeps nothing from the others. */
export class Listeners<Arguments extends unknown[]> {
  readonly #listeners = new Set<{ readonly call: (...told: Arguments) => unknown }>()
  readonly #onError: (error: Error) => void

  constructor(onError: (error: Error) => void) {
    this.#onError = onError
  }

  /** Answers how to stop. The same function twice is two listeners. */
  add(call: (...told: Arguments) => unknown): () => void {
    const listener = { call }
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  tell(...told: Arguments): void {
    for (const { call } of this.#listeners) {
      try {
        const result = call(...told)
        if (result instanceof Promise) result.catch((error: unknown) => this.#report(error))
      } catch (error) {
        this.#report(error)
      }
    }
  }

  clear(): void {
    this.#listeners.clear()
  }

  #report(cause: unknown): void {
    this.#onError(new Error('A listener threw.', { cause }))
  }
}
