import type { StreamEvent } from './event-stream.ts'
import { isGeneration, isJsonObject, isSessionId, isUserId } from './json-values.ts'
import type { Revocation } from './revoked-sessions.ts'

/** An event of the revocation feed; times are epoch milliseconds of the service's clock. */
export type FeedEvent =
  | {
      readonly type: 'snapshot'
      readonly seq: number
      readonly serverTimeMs: number
      readonly revocations: readonly Revocation[]
    }
  | { readonly type: 'revoked'; readonly seq: number; readonly revocation: Revocation }
  | { readonly type: 'heartbeat'; readonly seq: number; readonly serverTimeMs: number }

/** The feed said something that cannot be relied on. */
export class FeedBroken extends Error {
  override readonly name = 'FeedBroken'
}

/** Reads an event; undefined for a type that a newer service may send. Throws `FeedBroken`. */
export function readFeedEvent({ type, data }: StreamEvent): FeedEvent | undefined {
  if (type !== 'snapshot' && type !== 'revoked' && type !== 'heartbeat') return undefined
  const body = parse(data)
  const seq = body['seq']
  if (!isSequence(seq)) throw new FeedBroken(`A ${type} event of the feed has no sequence.`)
  if (type === 'revoked') return { type, seq, revocation: readRevocation(body) }
  const serverTimeMs = readTime(body['server_time'])
  if (type === 'heartbeat') return { type, seq, serverTimeMs }
  const rows = body['revocations']
  if (!Array.isArray(rows)) throw new FeedBroken('A snapshot of the feed has no revocations.')
  return { type, seq, serverTimeMs, revocations: rows.map(readRevocation) }
}

function parse(data: string): Record<string, unknown> {
  let body: unknown
  try {
    body = JSON.parse(data)
  } catch {
    // The parser's words quote the data.
  }
  if (!isJsonObject(body)) throw new FeedBroken('An event of the feed is not a JSON object.')
  return body
}

function readRevocation(row: unknown): Revocation {
  const given = isJsonObject(row) ? row : {}
  const { seq, sid, user_id: userId, reason, up_to_generation: upToGeneration, expires_at: expiresAt } = given
  if (!isSequence(seq)) throw new FeedBroken('A revocation of the feed has no sequence.')
  if (!isSessionId(sid) || !isUserId(userId) || typeof reason !== 'string' || reason.length > 100) {
    throw new FeedBroken('A revocation of the feed is not one.')
  }
  const revocation = { seq, sid, userId, reason, expiresAtMs: readTime(expiresAt) }
  if (upToGeneration === undefined) return revocation
  if (!isGeneration(upToGeneration)) throw new FeedBroken('A generation of the feed is not one.')
  return { ...revocation, upToGeneration }
}

const RFC_3339 =
  /^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})$/

function readTime(value: unknown): number {
  const time = typeof value === 'string' && RFC_3339.test(value) ? Date.parse(value) : NaN
  if (Number.isNaN(time)) throw new FeedBroken('A time of the feed is not one of RFC 3339.')
  return time
}

const isSequence = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0
