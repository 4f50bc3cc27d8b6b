interface Terminal {
  readonly isTTY?: boolean
  write(text: string): unknown
}

const LINE_EVERY = 10_000
const REWRITE_LINE = '\r\u001B[2K'

/** Shows how far it is: on a terminal in one line that changes, elsewhere by a line for every 10,000 rows. */
export class Progress {
  readonly #terminal: Terminal
  #shown = 0

  constructor(terminal: Terminal) {
    this.#terminal = terminal
  }

  show(read: number, words: string): void {
    if (this.#terminal.isTTY === true) this.#terminal.write(REWRITE_LINE + words)
    else if (Math.floor(read / LINE_EVERY) > Math.floor(this.#shown / LINE_EVERY))
      this.#terminal.write(`${words}\n`)
    this.#shown = read
  }

  /** What follows stands below it. */
  end(): void {
    if (this.#terminal.isTTY === true && this.#shown > 0) this.#terminal.write('\n')
  }
}
