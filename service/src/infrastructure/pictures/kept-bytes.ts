import { broken, UNREADABLE } from './refusals.ts'

/** A real picture has a few dozen at most. A hostile one could have 300,000, which take 80 ms to collect. */
const MOST_PARTS = 1_000

/**
 * Collects parts of a file, in order. Adjacent parts are joined, so that many small parts stay cheap. Throws `broken` if
 * too many parts are left.
 */
export class KeptBytes {
  readonly #file: Buffer
  readonly #parts: Buffer[] = []
  #start = 0
  #end = 0

  constructor(file: Buffer) {
    this.#file = file
  }

  /** Keeps the bytes of the file from `start` up to `end`. */
  keep(start: number, end: number): void {
    if (start !== this.#end) {
      this.#flush()
      this.#start = start
    }
    this.#end = end
  }

  /** Adds bytes that are not in the file. */
  add(bytes: Buffer): void {
    this.#flush()
    this.#start = this.#end
    this.#parts.push(bytes)
  }

  toBuffer(): Buffer {
    this.#flush()
    this.#start = this.#end
    return Buffer.concat(this.#parts)
  }

  #flush(): void {
    if (this.#end <= this.#start) return
    if (this.#parts.length >= MOST_PARTS) throw broken(UNREADABLE)
    this.#parts.push(this.#file.subarray(this.#start, this.#end))
  }
}
