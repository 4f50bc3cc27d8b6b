import type { SessionId } from '../../domain/session.ts'
import type { LoggedRevocation, LogPage } from '../ports/revocation-log.ts'
import { RevocationIndex } from './revocation-index.ts'

/** Rows that follow each other. Readers share their encoded form. */
export type RowBlock = readonly LoggedRevocation[]

const BLOCK_ROWS = 500

/** A place in the log: the last row that a reader has received. */
export interface LogPlace {
  readonly log: string
  readonly seq: number
  /** The mark of that row; undefined if the row was removed before it was read. `any`: the reader tells no mark. */
  readonly mark: number | 'any' | undefined
}

/** How the log stands to what was read of it earlier. */
export type Continuation = 'continues' | 'rows_removed' | 'set_back'

/**
 * The tail of the log: consecutive rows up to `seq`. Also the live rows that an earlier log had and this one lost. Every step
 * is short, however many rows there are.
 */
export class LogCopy {
  /** The identity of the log; undefined before the first read. */
  log: string | undefined
  seq = 0
  /** Only the first block is ever shortened, and only the last one grows. */
  #blocks: LoggedRevocation[][] = []
  /** Where the first row follows. The mark is undefined if the row there was never read. */
  #before: { readonly seq: number; readonly mark: number | undefined } = { seq: 0, mark: undefined }
  #lost: LoggedRevocation[][] = []
  /** Of the rows and of the lost ones. */
  readonly #index = new RevocationIndex()

  /** Whether the log still begins with what was read of it. `page` was read after `seq`. */
  compare(page: LogPage): Continuation {
    if (page.lastSeq < this.seq) return 'set_back'
    // A removed row had expired, and so had all before it. So if others took their place, no token of those is valid. But
    // where a row was removed, a row that is there now is another one.
    if (page.mark !== undefined && page.mark !== this.#markAt(this.seq)) return 'set_back'
    return page.coveredFrom > this.seq ? 'rows_removed' : 'continues'
  }

  /** Adds the rows of a page that was read after `seq`. Returns how it continued. Throws if a row is missing. */
  add(page: LogPage): Continuation {
    const continuation = this.compare(page)
    if (continuation === 'rows_removed') {
      for (const row of this.#blocks.flat()) this.#index.remove(row)
      this.#skipTo(page.coveredFrom)
    }
    if (page.lastSeq > this.seq && page.rows[0]?.seq !== this.seq + 1) {
      // A silent feed is better than one that skips a session: verifiers notice the silence.
      throw new Error(`the revocation log has no row ${this.seq + 1}; see "Backups" in docs/operations.md`)
    }
    for (const row of page.rows) this.#append(row)
    return continuation
  }

  #append(row: LoggedRevocation): void {
    const last = this.#blocks.at(-1)
    if (last === undefined || last.length >= BLOCK_ROWS) this.#blocks.push([row])
    else last.push(row)
    this.#index.add(row)
    this.seq = row.seq
  }

  #skipTo(seq: number): void {
    this.seq = seq
    this.#blocks = []
    this.#before = { seq, mark: undefined }
  }

  /** The row before the first one. */
  get from(): number {
    return this.#before.seq
  }

  /** Whether the log still has the row `seq` of this copy, or had it until it expired. `page` was read after `seq`. */
  shares(seq: number, { mark, coveredFrom }: LogPage): boolean {
    return seq <= coveredFrom || (mark !== undefined && mark === this.#markAt(seq))
  }

  /** The log was set back and has no row after `seq` in common with this copy. They stay known as lost. */
  goBackTo(seq: number): void {
    const { block, row } = this.#placeOf(seq + 1)
    const [first = [], ...others] = this.#blocks.slice(block)
    this.#lost.push(first.slice(row), ...others)
    // The row before the first may be another one, too.
    if (seq === this.from) this.#skipTo(0)
    else {
      this.#blocks = [...this.#blocks.slice(0, block), first.slice(0, row)].filter(({ length }) => length > 0)
      this.seq = seq
    }
  }

  /** All rows of the log. */
  blocks(): readonly RowBlock[] {
    return [...this.#blocks]
  }

  /** The rows that the log has lost. Their `seq` and `mark` mean nothing in this log. */
  lost(): readonly RowBlock[] {
    return [...this.#lost]
  }

  place(): LogPlace {
    return { log: this.log ?? '', seq: this.seq, mark: this.#markAt(this.seq) }
  }

  /** The row that refuses the most tokens of this session, if any. */
  revocationOf(sessionId: SessionId): LoggedRevocation | undefined {
    return this.#index.find(sessionId)
  }

  /** The rows after a place; undefined if it is in another log, or this copy does not reach there. */
  since({ log, seq, mark }: LogPlace): readonly LoggedRevocation[] | undefined {
    if (log !== this.log || seq < this.#before.seq || seq > this.seq) return undefined
    if (mark !== 'any' && mark !== this.#markAt(seq)) return undefined
    const { block, row } = this.#placeOf(seq + 1)
    const [first = [], ...others] = this.#blocks.slice(block)
    return first.slice(row).concat(...others)
  }

  /** From the front only, so that what is left has no gaps. */
  forget(now: Date): void {
    const removed = (row: LoggedRevocation): void => this.#index.remove(row)
    const last = forgetIn(this.#blocks, now, removed)
    if (last !== undefined) this.#before = { seq: last.seq, mark: last.mark }
    forgetIn(this.#lost, now, removed)
  }

  #markAt(seq: number): number | undefined {
    if (seq === this.#before.seq) return this.#before.mark
    const { block, row } = this.#placeOf(seq)
    return this.#blocks[block]?.[row]?.mark
  }

  #placeOf(seq: number): { readonly block: number; readonly row: number } {
    const row = seq - this.#before.seq - 1
    const inFirst = this.#blocks[0]?.length ?? 0
    if (row < inFirst) return { block: 0, row }
    const after = row - inFirst
    return { block: 1 + Math.floor(after / BLOCK_ROWS), row: after % BLOCK_ROWS }
  }
}

/** Removes rows from the front, up to the first live one. Returns the last that it removed. */
function forgetIn(
  blocks: LoggedRevocation[][],
  now: Date,
  removed: (row: LoggedRevocation) => void,
): LoggedRevocation | undefined {
  let last: LoggedRevocation | undefined
  for (let [first] = blocks; first !== undefined; [first] = blocks) {
    const live = first.findIndex(({ expiresAt }) => expiresAt > now)
    if (live === 0) break
    last = (live === -1 ? first.at(-1) : first[live - 1]) ?? last
    for (const row of live === -1 ? first : first.slice(0, live)) removed(row)
    if (live === -1) blocks.shift()
    else blocks[0] = first.slice(live)
  }
  return last
}
