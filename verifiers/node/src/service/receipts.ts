import type { Clock } from '../clock.ts'
import { RecentMap } from '../recent-map.ts'
import type { JsonResponse, SendJson } from './json-requests.ts'
import { faultOfSettings } from './wrong-settings.ts'

const WAITING_LIMIT = 10_000
const REPORTED_LIMIT = 100_000
const BATCH_SIZE = 1_000
const FLUSH_EVERY_MS = 1_000
const MAX_DELAY_MS = 10_000
const TIMEOUT_MS = 2_000

/** Proof that a session's client received the tokens of a generation: one of them was used. */
interface Receipt {
  readonly userId: number
  readonly gen: number
  readonly seenAtMs: number
  /** The `rcp` of the token. The service ignores a receipt without it. */
  readonly proof: string | undefined
}

interface ReceiptsDeps {
  readonly send: SendJson
  readonly serviceKey: string
  readonly clock: Clock
  readonly onError: (error: Error) => void
}

/**
 * Reports to the service, in batches about once a second, which generations of sessions were used. A lost receipt only
 * delays the detection of a stolen refresh token, so while the service is down the oldest receipts are dropped.
 */
export class Receipts {
  readonly #deps: ReceiptsDeps
  readonly #waiting = new RecentMap<string, Receipt>(WAITING_LIMIT)
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

  add(sid: string, receipt: Receipt): void {
    const known = this.#reported.get(sid)
    if (this.#isClosed || (known !== undefined && known >= receipt.gen)) return
    this.#reported.set(sid, receipt.gen)
    if (this.#waiting.set(sid, receipt) !== undefined) this.#counts.dropped += 1
    this.#scheduleFlush()
  }

  /** Sends each waiting batch once and accepts no more receipts. Never rejects; the caller limits the time. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#cancelTimer?.()
    while (this.#waiting.size > 0 && (await this.#flush()));
  }

  #scheduleFlush(): void {
    const delay = Math.min(MAX_DELAY_MS, FLUSH_EVERY_MS * 2 ** Math.min(this.#failures, 10))
    this.#cancelTimer ??= this.#deps.clock.after(delay, () => void this.#run())
  }

  async #run(): Promise<void> {
    while (!this.#isClosed && this.#waiting.size > 0 && (await this.#flush()));
    this.#cancelTimer = undefined
    if (!this.#isClosed && this.#waiting.size > 0) this.#scheduleFlush()
  }

  /** Sends one batch. Resolves to false if it must be sent again later. */
  async #flush(): Promise<boolean> {
    const batch = this.#waiting.oldest(BATCH_SIZE)
    const outcome = await this.#report(batch)
    if (outcome === 'later') {
      this.#failures += 1
      return false
    }
    this.#failures = 0
    this.#counts[outcome] += batch.length
    // A newer receipt of the same session may have replaced the one that was sent.
    for (const [sid, receipt] of batch) {
      if (this.#waiting.peek(sid) === receipt) this.#waiting.delete(sid)
    }
    return true
  }

  async #report(batch: readonly [string, Receipt][]): Promise<'reported' | 'dropped' | 'later'> {
    const { send, serviceKey, onError } = this.#deps
    const items = batch.map(([sid, { userId, gen, seenAtMs, proof }]) => ({
      sid,
      user_id: userId,
      gen,
      seen_at: new Date(seenAtMs).toISOString(),
      rcp: proof,
    }))
    const path = 'v1/receipts'
    const response: JsonResponse | undefined = await send({
      method: 'POST',
      path,
      body: { items },
      serviceKey,
      timeoutMs: TIMEOUT_MS,
      maxBytes: 64 * 1024,
    }).catch(() => undefined)
    if (response === undefined) return 'later'
    if (response.status === 204 || response.status === 200) return 'reported'
    // The feed may be open since before the key was changed, so nothing else would show it.
    const fault = faultOfSettings(path, response.status)
    if (fault !== undefined) onError(fault)
    // The same batch would be refused again.
    return [400, 413, 422].includes(response.status) ? 'dropped' : 'later'
  }
}
