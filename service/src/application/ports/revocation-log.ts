import type { Revocation } from '../../domain/revocation.ts'

/** A revocation with its `seq`, its number in the order of commits: 1, 2, 3 … without a gap. */
export interface LoggedRevocation extends Revocation {
  readonly seq: number
  /** Drawn at random with the `seq`. After the log was set back, another row can get the same `seq`, but not this mark. */
  readonly mark: number
}

export interface LogPage {
  /** The identity of the log. A restore and a promoted standby change it. */
  readonly log: string
  /** The mark of the row at the requested `seq`; undefined if that row was removed. */
  readonly mark: number | undefined
  /** The rows after the requested `seq` that the log still has, in order; not all of them when there are many. */
  readonly rows: readonly LoggedRevocation[]
  /** The last `seq` assigned so far; 0 for none. */
  readonly lastSeq: number
  /** The log has every row after this `seq`; some rows up to it were removed. At most `lastSeq`. */
  readonly coveredFrom: number
}

/** Reads and orders what `Revocations.add` wrote. All instances share it. */
export interface RevocationLog {
  /**
   * Assigns a `seq` to the next revocations committed before the call, a bounded number of them. Returns whether more may be
   * waiting. If several instances do so at the same time, each row gets one number, and numbers become readable in order: a
   * reader that has read up to n never finds another row at or below n later. An instance that stops in the middle holds
   * nothing that another one waits for.
   */
  number(): Promise<boolean>

  /** One consistent read of the rows after `seq`. Fails on a standby, whose log lags behind. */
  readAfter(seq: number): Promise<LogPage>

  /** Gives the log a new identity, unless it has another one than `log` by now. */
  renew(log: string): Promise<void>
}
