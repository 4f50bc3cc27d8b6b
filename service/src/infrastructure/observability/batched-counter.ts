import type { Meter } from '@opentelemetry/api'

/** A counter for what happens thousands of times a second: the library's own sorts and joins the labels each time. */
export class Tally<Labels extends Record<string, string | number>> {
  readonly #counts = new Map<string, { count: number; readonly labels: Labels }>()
  readonly #keyOf: (labels: Labels) => string

  /** `keyOf` tells labels apart. */
  constructor(meter: Meter, name: string, description: string, keyOf: (labels: Labels) => string) {
    this.#keyOf = keyOf
    meter.createObservableCounter(name, { description }).addCallback((result) => {
      for (const { count, labels } of this.#counts.values()) result.observe(count, labels)
    })
  }

  add(more: number, labels: Labels): void {
    const key = this.#keyOf(labels)
    const found = this.#counts.get(key)
    if (found === undefined) this.#counts.set(key, { count: more, labels })
    else found.count += more
  }
}
