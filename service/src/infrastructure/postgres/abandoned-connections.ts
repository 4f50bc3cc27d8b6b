import type pg from 'pg'

const CHECK_EVERY_MS = 1_000

/**
 * Connections whose statement missed its deadline and still runs on the server, as a commit does that waits for a
 * standby. Closing such a connection does not end its server process. So it keeps its place in its pool until the server
 * lets go: otherwise its successors would fill the server, one deadline after the other.
 */
export class AbandonedConnections {
  readonly #isServerBusy: () => Promise<boolean>
  readonly #held = new Set<pg.PoolClient>()
  #timer: NodeJS.Timeout | undefined

  /** `isServerBusy` tells whether the server still works on any overdue statement of this service. */
  constructor(isServerBusy: () => Promise<boolean>) {
    this.#isServerBusy = isServerBusy
  }

  get count(): number {
    return this.#held.size
  }

  /** Keeps the place of `client` until `statement` has ended, the connection is closed, or the server is not busy. */
  hold(client: pg.PoolClient, statement: Promise<unknown>): void {
    this.#held.add(client)
    const letGo = () => this.#letGo(client)
    void statement.then(letGo, letGo)
    this.#checkLater()
  }

  /** Closes all of them. */
  close(): void {
    clearTimeout(this.#timer)
    for (const client of this.#held) this.#letGo(client)
  }

  #letGo(client: pg.PoolClient): void {
    if (this.#held.delete(client)) client.release(true)
  }

  /** A response that is lost on its way never arrives. Then only the server can tell that it has let go. */
  #checkLater(): void {
    this.#timer ??= setTimeout(() => void this.#check(), CHECK_EVERY_MS).unref()
  }

  async #check(): Promise<void> {
    const examined = [...this.#held]
    // A server that does not respond has no place for a successor either.
    const isBusy = await this.#isServerBusy().catch(() => true)
    if (!isBusy) for (const client of examined) this.#letGo(client)
    this.#timer = undefined
    if (this.#held.size > 0) this.#checkLater()
  }
}
