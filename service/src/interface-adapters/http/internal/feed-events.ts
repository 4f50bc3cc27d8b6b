import type { LoggedRevocation } from '../../../application/ports/revocation-log.ts'
import type { LogPlace } from '../../../application/revocations/log-copy.ts'

/** The JSON of a revocation, on the stream and in a snapshot. */
export const rowJson = ({
  seq,
  sessionId,
  userId,
  reason,
  upToGeneration,
  expiresAt,
}: LoggedRevocation): string =>
  JSON.stringify({
    seq,
    sid: sessionId,
    user_id: userId,
    reason,
    // JSON.stringify leaves out undefined.
    up_to_generation: upToGeneration,
    expires_at: expiresAt.toISOString(),
  })

const UNKNOWN_MARK = '-'

/** The id of an event. Readers send it back as `Last-Event-ID` and need not understand it. */
const idOf = ({ log, seq, mark }: LogPlace): string => [log, seq, mark ?? UNKNOWN_MARK].join(':')

/** Undefined, and so a snapshot, for any other text: an earlier version sent the `seq` alone. */
export function readPlace(id: string | undefined): LogPlace | undefined {
  const [, log, seq, mark = 'any'] = /^([^:]{1,40}):(\d{1,15})(?::(\d{1,16}|-))?$/.exec(id ?? '') ?? []
  if (log === undefined) return undefined
  if (mark === 'any') return { log, seq: Number(seq), mark }
  return { log, seq: Number(seq), mark: mark === UNKNOWN_MARK ? undefined : Number(mark) }
}

/** Everything of an event before its data. */
export const eventHead = (name: string, place: LogPlace): string =>
  `id: ${idOf(place)}\nevent: ${name}\ndata: `

export const revokedEvents = (log: string, rows: readonly LoggedRevocation[]): string =>
  rows.map((row) => `${eventHead('revoked', { ...row, log })}${rowJson(row)}\n\n`).join('')

/** The fields that snapshots and heartbeats share. */
export const placeJson = ({ log, seq }: LogPlace, asOf: Date): string =>
  `"log":"${log}","seq":${seq},"server_time":"${asOf.toISOString()}"`

export const heartbeatEvent = (place: LogPlace, asOf: Date): string =>
  `${eventHead('heartbeat', place)}{${placeJson(place, asOf)}}\n\n`
