import { createHash } from 'node:crypto'
import { isGeneration, isJsonObject, isSessionId, isUserId } from '../token/json-values.ts'
import type { StreamEvent } from './event-stream.ts'
import type { Revocation } from './revocation-store.ts'
import type { UnreadableRow } from './unreadable-rows.ts'

/** An event of the revocation feed. Times are epoch milliseconds of the service's clock. */
export type FeedEvent =
  | {
      readonly type: 'snapshot'
      /** The identity of the log; undefined for a service of an earlier version. */
      readonly log?: string | undefined
      readonly seq: number
      readonly serverTimeMs: number
      readonly revocations: readonly Revocation[]
      readonly unreadable: readonly UnreadableRow[]
    }
  /** Rows of a snapshot. The snapshot itself follows. */
  | {
      readonly type: 'revocations'
      readonly log?: string | undefined
      readonly revocations: readonly Revocation[]
      readonly unreadable: readonly UnreadableRow[]
    }
  | { readonly type: 'revoked'; readonly seq: number; readonly revocation: Revocation }
  /** A `revoked` event that cannot be read, perhaps not even its seq. */
  | { readonly type: 'unreadable'; readonly seq: number | undefined; readonly row: UnreadableRow }
  | {
      readonly type: 'heartbeat'
      readonly log?: string | undefined
      readonly seq: number
      readonly serverTimeMs: number
    }

/** The feed sent invalid data or lost events, so a new snapshot is needed. */
export class FeedBroken extends Error {
  override readonly name = 'FeedBroken'
}

/** A newer service adds a few such rows. More of them are an attack on the memory, or another kind of data. */
const UNREADABLE_LIMIT = 100_000

/** Reads an event. Returns undefined for a type that only newer versions know. Throws `FeedBroken`. */
export function readFeedEvent({ type, data }: StreamEvent): FeedEvent | undefined {
  switch (type) {
    case 'snapshot': {
      const body = parse(data)
      return { type, ...readPosition(body), ...readRows(body) }
    }
    case 'revocations': {
      const body = parse(data)
      return { type, log: readLog(body), ...readRows(body) }
    }
    case 'revoked':
      return readRevoked(parse(data))
    case 'heartbeat':
      return { type, ...readPosition(parse(data)) }
  }
  return undefined
}

function readPosition(body: Record<string, unknown>) {
  const { seq, server_time: serverTime } = body
  if (!isSeq(seq)) throw new FeedBroken('An event of the feed has no valid seq.')
  return { log: readLog(body), seq, serverTimeMs: readTime(serverTime) }
}

/** Earlier versions send none. */
const readLog = ({ log }: Record<string, unknown>): string | undefined =>
  typeof log === 'string' ? log : undefined

function readRows({ revocations: rows }: Record<string, unknown>) {
  if (!Array.isArray(rows)) throw new FeedBroken('A snapshot of the feed has no list of revocations.')
  const revocations: Revocation[] = []
  const unreadable: UnreadableRow[] = []
  for (const row of rows) {
    const read = readRow(row)
    if (isUnreadable(read)) unreadable.push(read)
    else revocations.push(read)
    if (unreadable.length > UNREADABLE_LIMIT)
      throw new FeedBroken('An event of the feed has too many rows that cannot be read.')
  }
  return { revocations, unreadable }
}

function readRevoked(body: Record<string, unknown>): FeedEvent {
  const row = readRow(body)
  if (!isUnreadable(row)) return { type: 'revoked', seq: row.seq, revocation: row }
  return { type: 'unreadable', seq: isSeq(body['seq']) ? body['seq'] : undefined, row }
}

function parse(data: string): Record<string, unknown> {
  let body: unknown
  try {
    body = JSON.parse(data)
  } catch {
    // The parser's message would quote the data.
  }
  if (!isJsonObject(body)) throw new FeedBroken('An event of the feed is not a JSON object.')
  return body
}

/** Reads a row of the log and ignores its unknown fields. Throws `FeedBroken` with the reason if it cannot be read. */
function readRevocation(fields: Record<string, unknown>): Revocation {
  const {
    seq,
    sid,
    user_id: userId,
    reason,
    up_to_generation: upToGeneration,
    expires_at: expiresAt,
  } = fields
  if (!isSeq(seq)) throw new FeedBroken('A revocation of the feed has no valid seq.')
  if (!isSessionId(sid) || !isUserId(userId) || typeof reason !== 'string' || reason.length > 100) {
    throw new FeedBroken('A revocation of the feed has an invalid field.')
  }
  const revocation = { seq, sid, userId, reason, expiresAtMs: readTime(expiresAt) }
  if (upToGeneration === undefined) return revocation
  if (!isGeneration(upToGeneration))
    throw new FeedBroken('A revocation of the feed has an invalid generation.')
  return { ...revocation, upToGeneration }
}

/** Of a row that cannot be read, its user; without a user, its session. */
function readSubject(row: unknown, { message: problem }: FeedBroken): UnreadableRow {
  const { user_id: userId, sid } = isJsonObject(row) ? row : {}
  const fingerprint = createHash('sha256').update(JSON.stringify(row)).digest('base64')
  if (isUserId(userId)) return { fingerprint, problem, userId }
  return isSessionId(sid) ? { fingerprint, problem, sid } : { fingerprint, problem }
}

function readRow(row: unknown): Revocation | UnreadableRow {
  try {
    return readRevocation(isJsonObject(row) ? row : {})
  } catch (error) {
    if (error instanceof FeedBroken) return readSubject(row, error)
    throw error
  }
}

const isUnreadable = (row: Revocation | UnreadableRow): row is UnreadableRow => 'fingerprint' in row

const RFC_3339 =
  /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})$/

function readTime(value: unknown): number {
  const time = typeof value === 'string' && RFC_3339.test(value) ? Date.parse(value) : NaN
  if (Number.isNaN(time)) throw new FeedBroken('A time of the feed is not in the format of RFC 3339.')
  return time
}

const isSeq = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0
