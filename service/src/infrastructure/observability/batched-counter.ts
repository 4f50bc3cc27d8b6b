import type { Meter } from '@opentelemetry/api'

/**
 * A counter for things that happen thousands of times a second. It hands its sums to the library when metrics are read; the
 * library's own counter sorts and joins the labels at each call.
 */
export class BatchedCounter<Labels extends Record<string, string | number>> {
  readonly #counts = new Map<string, { count: number; readonly labels: Labels }>()
  readonly #keyOf: (labels: Labels) => string

  /** `keyOf` returns a different text for different labels. */
  constructor(meter: Meter, name: string, description: string, keyOf: (labels: Labels) => string) {
    this.#keyOf = keyOf
    meter.createObservableCounter(name, { description }).addCallback((result) => {
      for (const { count, labels } of this.#counts.values()) result.observe(count, labels)
    })
  }

  add(increment: number, labels: Labels): void {
    const key = this.#keyOf(labels)
    const entry = this.#counts.get(key)
    if (entry === undefined) this.#counts.set(key, { count: increment, labels })
    else entry.count += increment
  }
}
