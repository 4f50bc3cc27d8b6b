import type { ServerResponse } from 'node:http'

/** One piece holds at least this much, unless it is the last. */
const PIECE_BYTES = 64 * 1024
const PIECES_PER_TURN = 16

/** Writes long responses piece by piece, a bounded number per turn of the event loop, so that other work gets its turn. */
export class PacedWrites {
  readonly #waiting: (() => void)[] = []

  /**
   * Writes the parts. Each piece waits until the reader has taken the one before. Resolves when all are taken. False if
   * the response was closed earlier. `beforeEach` is called before each piece.
   */
  async write(response: ServerResponse, parts: Iterable<Buffer>, beforeEach: () => void): Promise<boolean> {
    for (const piece of inPieces(parts)) {
      await this.#turn()
      if (response.destroyed || response.writableEnded) return false
      beforeEach()
      await taken(response, piece)
    }
    return !response.destroyed && !response.writableEnded
  }

  #turn(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#waiting.push(resolve) === 1) setImmediate(() => this.#next())
    })
  }

  #next(): void {
    for (const go of this.#waiting.splice(0, PIECES_PER_TURN)) go()
    if (this.#waiting.length > 0) setImmediate(() => this.#next())
  }
}

function* inPieces(parts: Iterable<Buffer>): Iterable<readonly Buffer[]> {
  let piece: Buffer[] = []
  let bytes = 0
  for (const part of parts) {
    piece.push(part)
    bytes += part.length
    if (bytes < PIECE_BYTES) continue
    yield piece
    piece = []
    bytes = 0
  }
  if (piece.length > 0) yield piece
}

/** Resolves when the operating system has the piece, or when the response is closed. */
const taken = (response: ServerResponse, piece: readonly Buffer[]): Promise<void> =>
  new Promise((resolve) => {
    const done = (): void => {
      response.off('close', done)
      resolve()
    }
    response.on('close', done)
    response.cork()
    piece.forEach((part, at) => response.write(part, at === piece.length - 1 ? done : undefined))
    response.uncork()
  })
