import type { LoggedRevocation, LogPage, RevocationLog } from '../../src/application/ports/revocation-log.ts'
import type { Revocation } from '../../src/domain/revocation.ts'

/** Numbered together. */
const BATCH = 1_000

/** A log in memory, read in pages of three. */
export class FakeRevocationLog implements RevocationLog {
  #rows: LoggedRevocation[] = []
  #pending: Revocation[] = []
  #lastSeq = 0
  #isDown = false
  #lost = 0
  #name = 1
  #marks = 0
  #whenNumbered = (): void => undefined
  /** How often it was numbered. */
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

  /** Forgets everything after that seq, as after restoring an old backup. */
  setBackTo(seq: number): void {
    this.#rows = this.#rows.filter((row) => row.seq <= seq)
    this.#lastSeq = seq
  }

  /** Leaves the row with that seq out of every page. */
  lose(seq: number): void {
    this.#lost = seq
  }

  get log(): string {
    return `log ${this.#name}`
  }

  /** As after a failover that lost nothing. */
  changeLog(): void {
    this.#name += 1
  }

  /** Runs once, between the next numbering and the read after it. */
  whenNumbered(run: () => void): void {
    this.#whenNumbered = run
  }

  setDown(isDown: boolean): void {
    this.#isDown = isDown
  }

  async number(): Promise<boolean> {
    await this.#wait()
    this.reads += 1
    for (const revocation of this.#pending.splice(0, BATCH))
      this.#rows.push({ ...revocation, seq: (this.#lastSeq += 1), mark: (this.#marks += 1) })
    const run = this.#whenNumbered
    this.#whenNumbered = () => undefined
    run()
    return this.#pending.length > 0
  }

  async readAfter(seq: number): Promise<LogPage> {
    await this.#wait()
    const rows = this.#rows.filter((row) => row.seq > seq && row.seq !== this.#lost).slice(0, 3)
    return {
      log: this.log,
      mark: this.#rows.find((row) => row.seq === seq)?.mark,
      rows,
      lastSeq: this.#lastSeq,
      coveredFrom: (this.#rows[0]?.seq ?? this.#lastSeq + 1) - 1,
    }
  }

  async renew(log: string): Promise<void> {
    await this.#wait()
    if (log === this.log) this.changeLog()
  }

  async #wait(): Promise<void> {
    await Promise.resolve()
    if (this.#isDown) throw new Error('the log is down')
  }
}
