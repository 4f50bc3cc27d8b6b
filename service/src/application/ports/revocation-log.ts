import type { Revocation } from '../../domain/revocation.ts'

/** A revocation with its place in the order of commits: 1, 2, 3 … without a gap. */
export interface LoggedRevocation extends Revocation {
  readonly seq: number
}

export interface LogPage {
  /** The rows after the asked place that the log still has, in order; not all of them when there are many. */
  readonly rows: readonly LoggedRevocation[]
  /** The last place given so far; 0 for none. */
  readonly lastSeq: number
  /** The log has every row after this place; of those up to it some were removed. At most `lastSeq`. */
  readonly coveredFrom: number
}

/** Reads and orders what `Revocations.add` wrote. All instances share it. */
export interface RevocationLog {
  /**
   * Gives every revocation committed before the call its place. Of instances that do so together each row is numbered
   * once, and numbers become readable in their order: whoever has read up to n finds no other row at or below n later.
   */
  number(): Promise<void>

  /** One consistent look at the rows after `seq`. */
  readAfter(seq: number): Promise<LogPage>
}
