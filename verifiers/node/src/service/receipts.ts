import type { Clock } from './clock.ts'
import type { JsonAnswer, SendJson } from './json-requests.ts'
import { RecentMap } from './recent-map.ts'

const WAITING_LIMIT = 10_000
const REPORTED_LIMIT = 100_000
const BATCH_SIZE = 1_000
const FLUSH_EVERY_MS = 1_000
const LONGEST_DELAY_MS = 10_000
const TIMEOUT_MS = 2_000

/** A session's token was used: that its holder has received it is now certain. */
interface Sighting {
  readonly userId: number
  readonly gen: number
  readonly seenAtMs: number
}

interface ReceiptsDeps {
  readonly send: SendJson
  readonly serviceKey: string
  readonly clock: Clock
}

/**
 * Tells the service which generations of sessions were seen in use, in batches, about once a second. A lost report
 * delays the detection of a theft and does nothing worse, so when the service is away the oldest are dropped in the end.
 */
export class Receipts {
  readonly #deps: ReceiptsDeps
  readonly #waiting = new RecentMap<string, Sighting>(WAITING_LIMIT)
  readonly #reported = new RecentMap<string, number>(REPORTED_LIMIT)
  #cancelTimer: (() => void) | undefined
  #failures = 0
  #isClosed = false
  #counts = { reported: 0, dropped: 0 }

  constructor(deps: ReceiptsDeps) {
    this.#deps = deps
  }

  get counts(): { reported: number; dropped: number; waiting: number } {
    return { ...this.#counts, waiting: this.#waiting.size }
  }

  note(sid: string, sighting: Sighting): void {
    const known = this.#reported.get(sid)
    if (this.#isClosed || (known !== undefined && known >= sighting.gen)) return
    this.#reported.set(sid, sighting.gen)
    if (this.#waiting.set(sid, sighting) !== undefined) this.#counts.dropped += 1
    this.#flushLater()
  }

  /** Reports what is waiting, each batch once, and takes no more. Never rejects; the caller bounds the time. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#cancelTimer?.()
    while (this.#waiting.size > 0 && (await this.#flush()));
  }

  #flushLater(): void {
    const delay = Math.min(LONGEST_DELAY_MS, FLUSH_EVERY_MS * 2 ** Math.min(this.#failures, 10))
    this.#cancelTimer ??= this.#deps.clock.after(delay, () => void this.#run())
  }

  async #run(): Promise<void> {
    while (!this.#isClosed && this.#waiting.size > 0 && (await this.#flush()));
    this.#cancelTimer = undefined
    if (!this.#isClosed && this.#waiting.size > 0) this.#flushLater()
  }

  /** Sends one batch; false when the service could not take it. */
  async #flush(): Promise<boolean> {
    const batch = this.#waiting.oldest(BATCH_SIZE)
    const verdict = await this.#report(batch)
    if (verdict === 'later') {
      this.#failures += 1
      return false
    }
    this.#failures = 0
    this.#counts[verdict] += batch.length
    // A newer sighting may have come meanwhile.
    for (const [sid, sighting] of batch) {
      if (this.#waiting.peek(sid) === sighting) this.#waiting.delete(sid)
    }
    return true
  }

  async #report(batch: readonly [string, Sighting][]): Promise<'reported' | 'dropped' | 'later'> {
    const { send, serviceKey } = this.#deps
    const items = batch.map(([sid, { userId, gen, seenAtMs }]) => ({
      sid,
      user_id: userId,
      gen,
      seen_at: new Date(seenAtMs).toISOString(),
    }))
    const answer: JsonAnswer | undefined = await send({
      method: 'POST',
      path: 'v1/receipts',
      body: { items },
      serviceKey,
      timeoutMs: TIMEOUT_MS,
      maxBytes: 64 * 1024,
    }).catch(() => undefined)
    if (answer === undefined) return 'later'
    if (answer.status === 204 || answer.status === 200) return 'reported'
    // Sent again, it would be refused again.
    return [400, 413, 422].includes(answer.status) ? 'dropped' : 'later'
  }
}
