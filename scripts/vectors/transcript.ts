import { nowSeconds, type Json } from './signing.ts'

/** The service's time at 0 ms of the monotonic clock. */
const EPOCH_MS = nowSeconds * 1000
export const LOG = '5f1c0a9d27e4.1'
export const OTHER_LOG = '77aa0a9d27e4.1'

export const sessionOf = (number: number): string =>
  `00000000-0000-7000-8000-${String(number).padStart(12, '0')}`

/** RFC 3339, at `ms` after the service's time at the start. */
export const timeAt = (ms: number): string => new Date(EPOCH_MS + ms).toISOString()

export const ended = (seq: number, session: number, more: Json = {}): Json => ({
  seq,
  sid: sessionOf(session),
  user_id: session,
  reason: 'signed_out',
  expires_at: timeAt(600_000),
  ...more,
})

export const outdated = (seq: number, session: number, upTo: number, more: Json = {}): Json =>
  ended(seq, session, { reason: 'roles_changed', up_to_generation: upTo, ...more })

/** The text of an event. `id` is left out if undefined. */
export function eventText(type: string, data: unknown, id?: string): string {
  const json = typeof data === 'string' ? data : JSON.stringify(data)
  return `${id === undefined ? '' : `id: ${id}\n`}event: ${type}\ndata: ${json}\n\n`
}

export const idOf = (seq: number, log = LOG): string => `${log}:${seq}:${seq * 7}`

export const snapshot = (seq: number, atMs: number, rows: readonly unknown[] = [], log = LOG): string =>
  eventText('snapshot', { log, seq, server_time: timeAt(atMs), revocations: rows }, idOf(seq, log))

export const part = (rows: readonly unknown[], log = LOG): string =>
  eventText('revocations', { log, revocations: rows })

export const revoked = (row: Json, log = LOG): string =>
  eventText('revoked', row, idOf(Number(row['seq']), log))

export const heartbeat = (seq: number, atMs: number, log = LOG): string =>
  eventText('heartbeat', { log, seq, server_time: timeAt(atMs) }, idOf(seq, log))

type Step = { readonly at: number } & Json

export interface TranscriptSettings {
  readonly max_staleness_ms?: number
  readonly when_stale?: 'refuse' | 'introspect' | 'accept'
  /** Of the machine, when the monotonic clock shows 0. */
  readonly wall_clock?: number
}

/** Records the steps of one verifier. Every method takes the time of the step first. */
export class Transcript {
  readonly #steps: Step[] = []
  readonly name: string
  readonly settings: TranscriptSettings

  constructor(name: string, settings: TranscriptSettings = {}) {
    this.name = name
    this.settings = settings
  }

  step(at: number, what: Json): this {
    if (at < (this.#steps.at(-1)?.at ?? 0)) throw new Error(`${this.name}: ${at} ms is in the past`)
    this.#steps.push({ at, ...what })
    return this
  }

  /** A request for the feed was sent, now, and gets its response head. */
  connect(at: number, lastEventId: string | null = null, head: Json = {}): this {
    return this.step(at, { request: { last_event_id: lastEventId } }).step(at, { response: response(head) })
  }

  bytes(at: number, ...events: readonly string[]): this {
    return this.step(at, { bytes: events.join('') })
  }

  /** Each accepted or refused with a code, or with a code and a reason. */
  verify(at: number, token: string, result = 'accepted', more: Json = {}): this {
    return this.step(at, { verify: token, result, ...more })
  }

  verifyDelivery(at: number, token: string, result = 'accepted'): this {
    return this.step(at, { verify_delivery: token, result })
  }

  health(at: number, expected: Json): this {
    return this.step(at, { health: expected })
  }

  isOpen(at: number): this {
    return this.step(at, { connection: 'open' })
  }

  isClosed(at: number): this {
    return this.step(at, { connection: 'closed' })
  }

  toJson(): Json {
    return { name: this.name, ...this.settings, steps: this.#steps }
  }
}

const response = (head: Json): Json => ({ status: 200, content_type: 'text/event-stream', ...head })

export const ping = eventText('ping', {})

/** A connection at 0 ms with a snapshot of those rows. */
export const opened = (name: string, rows: readonly Json[] = [], settings?: TranscriptSettings): Transcript =>
  new Transcript(name, settings)
    .connect(0)
    .bytes(0, snapshot(rows.length, 0, rows), heartbeat(rows.length, 0))

/** Adds heartbeats between both times. */
export function heartbeats(transcript: Transcript, from: number, to: number, everyMs: number): Transcript {
  for (let at = from + everyMs; at < to; at += everyMs) transcript.bytes(at, heartbeat(0, at))
  return transcript
}

export const notices = (...sessions: readonly number[]) =>
  sessions.map((session) => ({ sid: sessionOf(session), user_id: session, reason: 'signed_out' }))
