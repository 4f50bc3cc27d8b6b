import { TokenRefused } from '../token/token-refused.ts'
import type { RefusalCode } from '../token-types.ts'

/** Counts accepted and refused tokens, for `health()`. */
export class VerificationCounts {
  verified = 0
  cacheHits = 0
  readonly #refused: Partial<Record<RefusalCode, number>> = {}

  get refused(): Partial<Record<RefusalCode, number>> {
    return { ...this.#refused }
  }

  countRefusal(error: unknown): void {
    if (error instanceof TokenRefused) this.#refused[error.code] = (this.#refused[error.code] ?? 0) + 1
  }
}
