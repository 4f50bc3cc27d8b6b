import type { RevocationFeed } from '../../application/revocations/revocation-feed.ts'
import type { Finding } from '../../interface-adapters/http/internal/finding.ts'
import { failed, ok, readable, warning } from './finding.ts'

/** The log is read every second. */
const LATE_MS = 2_500
/** Verifiers trust their copy this long (`maxStaleness`). */
const STALE_MS = 5_000

export interface ExaminedFeed {
  readonly feed: RevocationFeed
  readonly readerCount: () => number
  /** Undefined if there cannot be another instance. */
  readonly isListening: () => Promise<boolean | undefined>
  readonly now: () => Date
}

export async function feedFindings({
  feed,
  readerCount,
  isListening,
  now,
}: ExaminedFeed): Promise<readonly Finding[]> {
  // Before this check itself reads the log.
  const last = feed.position()
  const lagMs = last === undefined ? Infinity : +now() - +last.asOf
  const { seq } = await feed.catchUp()
  return [late(lagMs, `read to ${seq}, ${describeReaders(readerCount())}`), ...(await wakeUp(isListening))]
}

function late(lagMs: number, detail: string): Finding {
  const whole = `last read ${readable(lagMs)} ago, now ${detail}`
  if (lagMs <= LATE_MS) return ok('feed', whole)
  const advice =
    'Look for task.failed with feed in the log: the database is slow, or the process is overloaded.'
  if (lagMs <= STALE_MS) return warning('feed', whole, advice)
  return failed('feed', whole, `Verifiers may refuse all tokens. ${advice}`)
}

const describeReaders = (count: number): string => (count === 1 ? '1 reader' : `${count} readers`)

async function wakeUp(isListening: ExaminedFeed['isListening']): Promise<readonly Finding[]> {
  const listening = await isListening()
  if (listening === undefined) return []
  if (listening) return [ok('feed', 'is notified of other instances immediately (LISTEN)')]
  const advice =
    'Connect to the server itself, or through a pooler in session mode. Until then, sessions that end at other instances are noticed within a second.'
  return [warning('feed', 'is not notified of other instances by LISTEN', advice)]
}
