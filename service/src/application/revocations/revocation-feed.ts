import type { DomainEvent } from '../../domain/event.ts'
import type { Clock } from '../ports/clock.ts'
import type { LoggedRevocation, RevocationLog } from '../ports/revocation-log.ts'

/** What whoever passes the feed on is told. */
interface FeedListener {
  /** Revocations that continue what was told before, in order. */
  revoked(revocations: readonly LoggedRevocation[]): void
  /** What was told before can't be continued: the log was set back or cut off. Start again from a snapshot. */
  restarted(): void
}

export interface FeedPosition {
  readonly seq: number
  /** Everything that was committed before this moment has a place up to `seq`. */
  readonly asOf: Date
}

/** This instance's copy of the revocation log, kept as long as tokens of the sessions could be valid. */
export interface RevocationFeed {
  /**
   * Reads the log to its end and tells the listener. Once the promise resolves, everything committed before the call is
   * in. Calls that come together share the work. Rejects when the database is away.
   */
  catchUp(): Promise<FeedPosition>
  /** Something was committed: catches up soon, in the background. A failure is left to the next regular call. */
  readonly wake: () => void
  /** All revocations of tokens that may still be valid, up to the place `seq`. */
  current(): { readonly seq: number; readonly revocations: readonly LoggedRevocation[] }
  /** The revocations after `seq`; undefined when the log does not reach back so far, or has not come so far. */
  since(seq: number): readonly LoggedRevocation[] | undefined
  /** Where it came to when it was last read; undefined before. */
  position(): FeedPosition | undefined
  /** There is one listener, who tells the rest. */
  listen(listener: FeedListener): void
}

interface FeedDeps {
  readonly revocationLog: RevocationLog
  readonly clock: Clock
}

/** What is committed together with rows of the log. */
const REVOKING: readonly DomainEvent['type'][] = ['session.ended', 'user.roles_changed']

/** To be told of what was committed: wakes the feed when there is something for it. */
export const wakeForRevocations =
  ({ wake }: Pick<RevocationFeed, 'wake'>) =>
  (events: readonly DomainEvent[]): void => {
    if (events.some(({ type }) => REVOKING.includes(type))) wake()
  }

export function createRevocationFeed(deps: FeedDeps): RevocationFeed {
  const copy = new LogCopy()
  let listener: FeedListener | undefined
  let position: FeedPosition | undefined
  let running: Promise<FeedPosition> | undefined
  let next: Promise<FeedPosition> | undefined

  async function readToEnd(): Promise<FeedPosition> {
    const asOf = deps.clock.now()
    await deps.revocationLog.number()
    let isAtEnd = false
    while (!isAtEnd) {
      const page = await deps.revocationLog.readAfter(copy.seq)
      if (page.lastSeq < copy.seq || page.coveredFrom > copy.seq) {
        copy.restart(page.coveredFrom)
        listener?.restarted()
        continue
      }
      const isWhole = page.rows[0]?.seq === copy.seq + 1 || page.lastSeq === copy.seq
      if (!isWhole) {
        // Better no feed than one that skips a session: verifiers notice that it is quiet.
        throw new Error(`the revocation log has no row ${copy.seq + 1}; see "Backups" in docs/operations.md`)
      }
      copy.append(page.rows)
      if (page.rows.length > 0) listener?.revoked(page.rows)
      isAtEnd = copy.seq === page.lastSeq
    }
    copy.forget(asOf)
    position = { seq: copy.seq, asOf }
    return position
  }

  function run(): Promise<FeedPosition> {
    running = readToEnd().finally(() => {
      running = undefined
    })
    return running
  }

  /** A run that is under way may have read before the call, so the caller gets the one after it. */
  function catchUp(): Promise<FeedPosition> {
    if (running === undefined) return run()
    next ??= running
      .catch(() => undefined)
      .then(() => {
        next = undefined
        return run()
      })
    return next
  }

  return {
    catchUp,
    wake: () => void catchUp().catch(() => undefined),
    current: () => ({ seq: copy.seq, revocations: copy.rows() }),
    since: (seq) => copy.since(seq),
    position: () => position,
    listen: (only) => (listener = only),
  }
}

/** The tail of the log: consecutive rows up to `seq`. */
class LogCopy {
  seq = 0
  #rows: LoggedRevocation[] = []

  restart(seq: number): void {
    this.seq = seq
    this.#rows = []
  }

  append(rows: readonly LoggedRevocation[]): void {
    for (const row of rows) this.#rows.push(row)
    this.seq = rows.at(-1)?.seq ?? this.seq
  }

  rows(): readonly LoggedRevocation[] {
    return this.#rows
  }

  since(seq: number): readonly LoggedRevocation[] | undefined {
    const first = this.seq - this.#rows.length
    return seq >= first && seq <= this.seq ? this.#rows.slice(seq - first) : undefined
  }

  /** From the front only, so that what is left has no gaps. */
  forget(now: Date): void {
    const kept = this.#rows.findIndex(({ expiresAt }) => expiresAt > now)
    if (kept !== 0) this.#rows = kept === -1 ? [] : this.#rows.slice(kept)
  }
}
