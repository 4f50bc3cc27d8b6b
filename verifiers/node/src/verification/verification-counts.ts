import { TokenRefused } from './token-refused.ts'
import type { RefusalCode } from './types.ts'

/** How often what was answered. */
export class VerifierCounts {
  verified = 0
  cacheHits = 0
  readonly #refused: Partial<Record<RefusalCode, number>> = {}

  get refused(): Partial<Record<RefusalCode, number>> {
    return { ...this.#refused }
  }

  noteRefusal(error: unknown): void {
    if (error instanceof TokenRefused) this.#refused[error.code] = (this.#refused[error.code] ?? 0) + 1
  }
}
