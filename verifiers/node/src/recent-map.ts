/** A map of bounded size that lets go of what was used longest ago. */
export class RecentMap<Key, Value> {
  readonly #limit: number
  readonly #entries = new Map<Key, Value>()
  /**
   * Stays where it is between uses: all before it are gone, since what is used moves to the end. A new iterator would pass
   * over the holes that they left, thousands of them, each time.
   */
  readonly #oldestFirst = this.#entries.entries()

  constructor(limit: number) {
    this.#limit = limit
  }

  get size(): number {
    return this.#entries.size
  }

  get(key: Key): Value | undefined {
    const value = this.#entries.get(key)
    if (value === undefined) return undefined
    this.#entries.delete(key)
    this.#entries.set(key, value)
    return value
  }

  /** Looks without using. */
  peek(key: Key): Value | undefined {
    return this.#entries.get(key)
  }

  /** Answers what had to make room. */
  set(key: Key, value: Value): Value | undefined {
    this.#entries.delete(key)
    this.#entries.set(key, value)
    if (this.#entries.size <= this.#limit) return undefined
    const oldest = this.#oldestFirst.next()
    if (oldest.done === true) return undefined
    this.#entries.delete(oldest.value[0])
    return oldest.value[1]
  }

  delete(key: Key): void {
    this.#entries.delete(key)
  }

  /** The `count` entries used longest ago. */
  oldest(count: number): [Key, Value][] {
    const found: [Key, Value][] = []
    for (const entry of this.#entries) {
      if (found.length >= count) break
      found.push(entry)
    }
    return found
  }
}
