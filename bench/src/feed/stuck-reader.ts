import { setTimeout as delay } from 'node:timers/promises'
import { isConnected } from './operating-system.ts'

const LOOK_EVERY_MS = 1_000

/** Watches from outside whether the service still holds the connection of a reader that takes nothing. */
export class StuckReader {
  readonly #port: number
  readonly #clientPort: number
  readonly #since = performance.now()
  /** Undefined while the service holds it. */
  droppedAfterSeconds: number | undefined

  constructor(internalUrl: string, clientPort: number) {
    this.#port = Number(new URL(internalUrl).port)
    this.#clientPort = clientPort
  }

  look(): void {
    if (this.droppedAfterSeconds !== undefined || isConnected(this.#port, this.#clientPort)) return
    this.droppedAfterSeconds = (performance.now() - this.#since) / 1_000
  }

  /** Waits for it to be dropped, but not for ever. */
  async untilDropped(latestSeconds: number): Promise<void> {
    this.look()
    while (this.droppedAfterSeconds === undefined) {
      if (performance.now() - this.#since > latestSeconds * 1_000) return
      await delay(LOOK_EVERY_MS)
      this.look()
    }
  }
}
