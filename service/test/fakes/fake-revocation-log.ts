import type { LoggedRevocation, LogPage, RevocationLog } from '../../src/application/ports/revocation-log.ts'
import type { Revocation } from '../../src/domain/revocation.ts'

/** A log in memory, read in pages of three. */
export class FakeRevocationLog implements RevocationLog {
  #rows: LoggedRevocation[] = []
  #pending: Revocation[] = []
  #lastSeq = 0
  #isAway = false
  #lost = 0
  /** How often it was read from its beginning to its end. */
  reads = 0

  /** Commits revocations, in this order. */
  commit(...revocations: readonly Revocation[]): void {
    this.#pending.push(...revocations)
  }

  /** Removes rows from the front, up to the first that has not expired. */
  removeExpired(now: Date): void {
    const kept = this.#rows.findIndex(({ expiresAt }) => expiresAt > now)
    this.#rows = kept === -1 ? [] : this.#rows.slice(kept)
  }

  /** As an old backup would: the last places are forgotten. */
  setBackTo(seq: number): void {
    this.#rows = this.#rows.filter((row) => row.seq <= seq)
    this.#lastSeq = seq
  }

  /** That row will be missing. */
  lose(seq: number): void {
    this.#lost = seq
  }

  setAway(isAway: boolean): void {
    this.#isAway = isAway
  }

  async number(): Promise<void> {
    await this.#wait()
    this.reads += 1
    for (const revocation of this.#pending.splice(0))
      this.#rows.push({ ...revocation, seq: (this.#lastSeq += 1) })
  }

  async readAfter(seq: number): Promise<LogPage> {
    await this.#wait()
    const rows = this.#rows.filter((row) => row.seq > seq && row.seq !== this.#lost).slice(0, 3)
    return { rows, lastSeq: this.#lastSeq, coveredFrom: (this.#rows[0]?.seq ?? this.#lastSeq + 1) - 1 }
  }

  async #wait(): Promise<void> {
    await Promise.resolve()
    if (this.#isAway) throw new Error('the log is away')
  }
}
