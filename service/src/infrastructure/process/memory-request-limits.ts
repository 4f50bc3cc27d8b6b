import { ApplicationError } from '../../application/errors.ts'
import type { RequestLimit, RequestLimits } from '../../application/ports/request-limits.ts'

const MINUTE_MS = 60_000

export class MemoryRequestLimits implements RequestLimits {
  readonly #counts = new Map<string, number>()
  #minute = 0

  count({ key, perMinute }: RequestLimit, now: Date): void {
    const minute = Math.floor(+now / MINUTE_MS)
    // All counts begin again at the same time: forgetting them then costs no timer and no search.
    if (minute !== this.#minute) this.#counts.clear()
    this.#minute = minute
    const count = this.#counts.get(key) ?? 0
    if (count >= perMinute) throw refusal(now, minute)
    this.#counts.set(key, count + 1)
  }
}

function refusal(now: Date, minute: number): ApplicationError {
  const retryAfterSeconds = Math.max(1, Math.ceil(((minute + 1) * MINUTE_MS - +now) / 1_000))
  return new ApplicationError('too_many_attempts', { retryAfterSeconds })
}
