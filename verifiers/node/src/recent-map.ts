/** A map of bounded size that evicts the least recently used entry. */
export class RecentMap<Key, Value> {
  readonly #limit: number
  readonly #entries = new Map<Key, Value>()
  /**
   * Kept between evictions. Every entry before it was deleted, because used entries move to the end. A new iterator would
   * step over the thousands of deleted slots each time.
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

  /** Reads a value without marking it as used. */
  peek(key: Key): Value | undefined {
    return this.#entries.get(key)
  }

  /** Returns the value that was evicted, if any. */
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

  /** The `count` least recently used entries. */
  oldest(count: number): [Key, Value][] {
    const found: [Key, Value][] = []
    for (const entry of this.#entries) {
      if (found.length >= count) break
      found.push(entry)
    }
    return found
  }
}
