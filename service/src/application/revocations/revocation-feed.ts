import type { DomainEvent } from '../../domain/event.ts'
import type { SessionId } from '../../domain/session.ts'
import type { Clock } from '../ports/clock.ts'
import type { LoggedRevocation, LogPage, RevocationLog } from '../ports/revocation-log.ts'
import { shareRuns } from '../share-runs.ts'
import { LogCopy, type LogPlace, type RowBlock } from './log-copy.ts'

/** Why the previous revocations cannot be continued: the log is another one now, or rows expired before they were read. */
type Restart = 'log_changed' | 'rows_removed'

/** Passes the feed on to its readers. */
interface FeedListener {
  /** Revocations that continue the previous ones, in order. The next ones follow when the promise resolves. */
  revoked(revocations: readonly LoggedRevocation[]): Promise<void> | void
  /** The previous revocations cannot be continued. Start again from a snapshot. */
  restarted(cause: Restart): void
}

export interface FeedPosition {
  readonly log: string
  readonly seq: number
  /** Everything committed before this moment has a `seq` up to this one. */
  readonly asOf: Date
}

/** The default `maxStaleness` of verifiers: with an older copy of the revocation log they refuse every token. */
export const MAX_STALENESS_SECONDS = 5

/** This instance's copy of the revocation log, kept as long as tokens of the sessions could be valid. */
export interface RevocationFeed {
  /**
   * Reads the log to its end and notifies the listener. Once the promise resolves, everything committed before the call is
   * included. Parallel calls share the work. Rejects when the database is unreachable.
   */
  catchUp(): Promise<FeedPosition>
  /** Something was committed: catches up soon, in the background. A failure is left to the next regular call. */
  readonly wake: () => void
  /**
   * Resolves when the copy includes everything that it was woken for: usually immediately, without the database. Rejects
   * when the database is unreachable.
   */
  settle(): Promise<void>
  /** The revocation that refuses the most tokens of this session; undefined if there is none. */
  revocationOf(sessionId: SessionId): LoggedRevocation | undefined
  /** All revocations of tokens that may still be valid, also those that the log has lost, and the last place in the log. */
  current(): {
    readonly place: LogPlace
    readonly blocks: readonly RowBlock[]
    /** Their `seq` means nothing in this log. */
    readonly lost: readonly RowBlock[]
  }
  /** The revocations after that place; undefined when this copy does not reach it, or when it is in another log. */
  since(place: LogPlace): readonly LoggedRevocation[] | undefined
  /** The end of the log when it was last read; undefined before the first read. */
  position(): FeedPosition | undefined
  /** There is one listener. */
  listen(listener: FeedListener): void
}

interface FeedDeps {
  readonly revocationLog: RevocationLog
  readonly clock: Clock
}

/** Events that are committed together with rows of the log. */
const REVOKING: readonly DomainEvent['type'][] = [
  'session.ended',
  'user.roles_changed',
  'user.password_changed',
  'session.reauthenticated',
]

/** Called with the committed events: wakes the feed when they come with new revocations. */
export const wakeForRevocations =
  ({ wake }: Pick<RevocationFeed, 'wake'>) =>
  (events: readonly DomainEvent[]): void => {
    if (events.some(({ type }) => REVOKING.includes(type))) wake()
  }

export function createRevocationFeed(deps: FeedDeps): RevocationFeed {
  const copy = new LogCopy()
  let listener: FeedListener | undefined
  let position: FeedPosition | undefined
  /** How often the feed was woken. */
  let wakes = 0
  /** How often that was before the start of the latest complete read. */
  let settled = 0

  async function readToEnd(): Promise<FeedPosition> {
    const begunAfter = wakes
    // Read before the log is numbered: a later time would claim rows that were committed in between and not read.
    const asOf = deps.clock.now()
    const isMoreWaiting = await deps.revocationLog.number()
    let page
    do {
      page = await deps.revocationLog.readAfter(copy.seq)
      // Another log may have rows that were not numbered there.
      if (await isAnotherLog(page)) return readToEnd()
      if (copy.add(page) === 'rows_removed') listener?.restarted('rows_removed')
      if (page.rows.length > 0) await listener?.revoked(page.rows)
    } while (copy.seq < page.lastSeq)
    // Readers have these rows already, however many are still to be numbered.
    if (isMoreWaiting) return readToEnd()
    copy.forget(asOf)
    position = { log: page.log, seq: copy.seq, asOf }
    settled = begunAfter
    return position
  }

  /** Whether the log is not the one of the previous read. If so, the copy and its readers begin again. */
  async function isAnotherLog(page: LogPage): Promise<boolean> {
    const isSetBack = copy.compare(page) === 'set_back'
    if (copy.log === undefined || copy.log === page.log) {
      // Others may not know. The new identity reaches every instance and every verifier.
      if (isSetBack) await deps.revocationLog.renew(page.log)
      copy.log = page.log
      return isSetBack
    }
    if (isSetBack) copy.goBackTo(await lastShared(deps.revocationLog, copy, page))
    copy.log = page.log
    listener?.restarted('log_changed')
    return true
  }

  const catchUp = shareRuns(readToEnd)

  return {
    catchUp,
    wake: () => {
      wakes += 1
      void catchUp().catch(() => undefined)
    },
    settle: async () => {
      if (settled < wakes) await catchUp()
    },
    revocationOf: (sessionId) => copy.revocationOf(sessionId),
    current: () => ({ place: copy.place(), blocks: copy.blocks(), lost: copy.lost() }),
    since: (place) => copy.since(place),
    position: () => position,
    listen: (only) => (listener = only),
  }
}

/** The last row that the log and the copy have in common. The same mark means the same rows before it. */
async function lastShared(
  revocationLog: RevocationLog,
  copy: LogCopy,
  { log, lastSeq }: LogPage,
): Promise<number> {
  let [shared, lost] = [copy.from, Math.min(copy.seq, lastSeq + 1)]
  while (lost - shared > 1) {
    const middle = Math.floor((shared + lost) / 2)
    const page = await revocationLog.readAfter(middle)
    if (page.log !== log) throw new Error('the revocation log changed again')
    if (copy.shares(middle, page)) shared = middle
    else lost = middle
  }
  return shared
}
