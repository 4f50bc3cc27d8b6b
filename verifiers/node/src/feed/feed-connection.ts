import { request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { afterSilence, type Clock } from './clock.ts'
import { EventStreamParser, type StreamEvent } from './event-stream.ts'
import { reasonOf } from './json-requests.ts'

const MAX_EVENT_BYTES = 256 * 1024 * 1024
/** A snapshot that takes longer to come in would be of no use. */
const LONGEST_EVENT_MS = 60_000

/** How a connection ended. */
export interface FeedEnd {
  /** `orderly`: by the service. `refused`: it will not talk to us as we are set up. */
  readonly kind: 'orderly' | 'refused' | 'failed'
  readonly error: Error
  /** When to come back, as the service said last. */
  readonly retryMs: number | undefined
}

interface Wanted {
  readonly url: URL
  readonly serviceKey: string
  /** The place after which to go on; undefined asks for a snapshot. */
  readonly after: number | undefined
  readonly maxStalenessMs: number
}

interface Listener {
  /** The request is about to be sent, at this monotonic time. */
  onSend(sentAt: number): void
  onOpen(): void
  /** May throw: then the connection is given up. */
  onEvent(event: StreamEvent, arrivedAt: number): void
  /** Called once, last. */
  onEnd(end: FeedEnd): void
}

/**
 * One connection to the feed, from its own lookup of the name to its end; answers how to give it up with a reason.
 * Its socket holds no process open.
 */
export function openFeed(wanted: Wanted, clock: Clock, listener: Listener): (why: Error) => void {
  const connection = new FeedConnection(wanted, clock, listener)
  return (why) => connection.end('failed', why)
}

class FeedConnection {
  readonly #wanted: Wanted
  readonly #clock: Clock
  readonly #listener: Listener
  readonly #request
  readonly #parser: EventStreamParser
  #arrivedAt = 0
  #eventSince: number | undefined
  #cancelTimer: () => void
  #hasEnded = false

  constructor(wanted: Wanted, clock: Clock, listener: Listener) {
    this.#wanted = wanted
    this.#clock = clock
    this.#listener = listener
    this.#parser = new EventStreamParser((event) => this.#onEvent(event), { maxEventBytes: MAX_EVENT_BYTES })
    this.#listener.onSend(clock.monotonicMs())
    this.#request = this.#send()
    // A first answer later than this would make everything on the connection look older than it is.
    this.#cancelTimer = afterSilence(clock, wanted.maxStalenessMs / 2, () => this.#onSilence())
  }

  #send() {
    const { url, serviceKey, after } = this.#wanted
    const isSecure = url.protocol === 'https:'
    const request = (isSecure ? httpsRequest : httpRequest)(url, {
      // No agent: a connection of its own, to wherever the name points now.
      agent: false,
      headers: {
        accept: 'text/event-stream',
        'accept-encoding': 'identity',
        'cache-control': 'no-cache',
        authorization: `Bearer ${serviceKey}`,
        ...(after === undefined ? {} : { 'last-event-id': String(after) }),
      },
    })
    request.on('socket', (socket) => {
      socket.unref()
      socket.setNoDelay(true)
      // Nothing is written before; so looking the name up and connecting do not count.
      socket.once(isSecure ? 'secureConnect' : 'connect', () =>
        this.#hasEnded ? undefined : this.#listener.onSend(this.#clock.monotonicMs()),
      )
    })
    request.on('response', (response) => this.#onResponse(response))
    request.on('error', (error) => this.end('failed', error))
    request.end()
    return request
  }

  #onResponse(response: IncomingMessage): void {
    response.on('error', (error) => this.end('failed', error))
    const problem = problemOf(response)
    if (problem !== undefined) {
      const isRefusal = [401, 403, 404].includes(response.statusCode ?? 0)
      this.end(isRefusal ? 'refused' : 'failed', problem)
      return
    }
    this.#listener.onOpen()
    response.on('data', (chunk: Buffer) => this.#onData(chunk))
    response.on('end', () => this.end('orderly', new Error('the service has ended the stream')))
    response.on('close', () => this.end('failed', new Error('the stream was cut off')))
  }

  #onData(chunk: Buffer): void {
    if (this.#hasEnded) return
    this.#arrivedAt = this.#clock.monotonicMs()
    try {
      this.#parser.push(chunk)
    } catch (error) {
      this.end('failed', error instanceof Error ? error : new Error(reasonOf(error)))
      return
    }
    if (!this.#parser.insideEvent) this.#eventSince = undefined
    // A long event counts as a sign of life while it comes in, but not for ever.
    else {
      this.#eventSince ??= this.#arrivedAt
      if (this.#arrivedAt - this.#eventSince < LONGEST_EVENT_MS) this.#waitAnew()
    }
  }

  #onEvent(event: StreamEvent): void {
    // Others of the same chunk may have led to the end.
    if (this.#hasEnded) return
    this.#eventSince = undefined
    this.#waitAnew()
    this.#listener.onEvent(event, this.#arrivedAt)
  }

  #waitAnew(): void {
    this.#cancelTimer()
    this.#cancelTimer = afterSilence(this.#clock, this.#wanted.maxStalenessMs, () => this.#onSilence())
  }

  #onSilence(): void {
    this.end('failed', new Error('nothing came from the service for too long'))
  }

  end(kind: FeedEnd['kind'], error: Error): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#cancelTimer()
    this.#request.on('error', () => undefined)
    this.#request.destroy()
    this.#listener.onEnd({ kind, error, retryMs: this.#parser.retryMs })
  }
}

function problemOf({ statusCode, headers }: IncomingMessage): Error | undefined {
  if (statusCode === 401 || statusCode === 403) {
    return new Error(`status ${statusCode}; is serviceKey one of the SERVICE_KEYS of the service?`)
  }
  if (statusCode === 404) return new Error('status 404; is url the internal listener of the service?')
  if (statusCode !== 200) return new Error(`status ${statusCode ?? 0}`)
  if (headers['content-type']?.startsWith('text/event-stream') !== true)
    return new Error('not an event stream')
  const encoding = headers['content-encoding'] ?? 'identity'
  return encoding === 'identity'
    ? undefined
    : new Error('the stream is compressed; something between has done that')
}
