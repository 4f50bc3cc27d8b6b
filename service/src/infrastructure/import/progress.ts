interface Terminal {
  readonly isTTY?: boolean
  write(text: string): unknown
}

const LINE_EVERY = 10_000
const REWRITE_LINE = '\r\u001B[2K'

/** Shows the progress: in one changing line on a terminal, otherwise in a line per 10,000 rows. */
export class Progress {
  readonly #terminal: Terminal
  #shown = 0

  constructor(terminal: Terminal) {
    this.#terminal = terminal
  }

  show(read: number, text: string): void {
    if (this.#terminal.isTTY === true) this.#terminal.write(REWRITE_LINE + text)
    else if (Math.floor(read / LINE_EVERY) > Math.floor(this.#shown / LINE_EVERY))
      this.#terminal.write(`${text}\n`)
    this.#shown = read
  }

  /** Ends the line, so that further output starts below it. */
  end(): void {
    if (this.#terminal.isTTY === true && this.#shown > 0) this.#terminal.write('\n')
  }
}
