import { request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { afterSilence, type Clock } from '../clock.ts'
import { reasonOf } from '../service/json-requests.ts'
import { EventStreamParser, type StreamEvent } from './event-stream.ts'

const MAX_EVENT_BYTES = 256 * 1024 * 1024
/** A snapshot that takes longer to arrive would be useless. */
const MAX_EVENT_MS = 60_000

/** A heartbeat comes each second, and may be late. */
const SHORTEST_SILENCE_MS = 1_500

/** After this silence a connection is given up, early enough to reach another instance before the verifier is stale. */
export const silenceLimitMs = (maxStalenessMs: number): number =>
  Math.max(SHORTEST_SILENCE_MS, maxStalenessMs / 2)

/** A chunk of the stream after which other work comes first. */
const YIELD_BYTES = 16 * 1024

/** How a connection ended. */
export interface FeedEnd {
  /** `orderly`: ended by the service. `refused`: the service key or URL is wrong. `failed`: any other end. */
  readonly kind: 'orderly' | 'refused' | 'failed'
  readonly error: Error
  /** The reconnection delay that the service sent last. */
  readonly retryMs: number | undefined
}

interface FeedRequest {
  readonly url: URL
  readonly serviceKey: string
  /** The feed resumes after this event; undefined requests a snapshot. */
  readonly lastEventId: string | undefined
  readonly maxStalenessMs: number
}

interface FeedHandlers {
  /** Called just before the request is sent, with the monotonic time. */
  onSend(sentAt: number): void
  onOpen(): void
  /** If it throws, the connection is closed. */
  onEvent(event: StreamEvent, arrivedAt: number, lastEventId: string | undefined): void
  /** Called once, as the last of all. */
  onEnd(end: FeedEnd): void
}

/**
 * Opens one connection to the feed, with a DNS lookup of its own. Returns a function that closes it with a reason.
 * The socket does not keep the process alive.
 */
export function openFeed(feed: FeedRequest, clock: Clock, handlers: FeedHandlers): (reason: Error) => void {
  const connection = new FeedConnection(feed, clock, handlers)
  return (reason) => connection.end('failed', reason)
}

class FeedConnection {
  readonly #feed: FeedRequest
  readonly #clock: Clock
  readonly #handlers: FeedHandlers
  readonly #request
  readonly #parser: EventStreamParser
  #arrivedAt = 0
  #eventSince: number | undefined
  #cancelTimer: () => void
  #hasEnded = false

  constructor(feed: FeedRequest, clock: Clock, handlers: FeedHandlers) {
    this.#feed = feed
    this.#clock = clock
    this.#handlers = handlers
    this.#parser = new EventStreamParser((event) => this.#onEvent(event), { maxEventBytes: MAX_EVENT_BYTES })
    this.#handlers.onSend(clock.monotonicMs())
    this.#request = this.#send()
    // After a slower first response, everything on the connection would look older than it is.
    this.#cancelTimer = afterSilence(clock, feed.maxStalenessMs / 2, () => this.#onSilence())
  }

  #send() {
    const { url, serviceKey, lastEventId } = this.#feed
    const isSecure = url.protocol === 'https:'
    const request = (isSecure ? httpsRequest : httpRequest)(url, {
      // No agent: a new connection, to the current address of the name.
      agent: false,
      headers: {
        accept: 'text/event-stream',
        'accept-encoding': 'identity',
        'cache-control': 'no-cache',
        authorization: `Bearer ${serviceKey}`,
        // A service of an earlier version sends a snapshot in one event, however long.
        prefer: 'snapshot=parts',
        ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
      },
    })
    request.on('socket', (socket) => {
      socket.unref()
      socket.setNoDelay(true)
      // Nothing is written before this event, so the times of the DNS lookup and the handshake do not count.
      socket.once(isSecure ? 'secureConnect' : 'connect', () =>
        this.#hasEnded ? undefined : this.#handlers.onSend(this.#clock.monotonicMs()),
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
    this.#handlers.onOpen()
    response.on('data', (chunk: Buffer) => {
      this.#onData(chunk)
      if (chunk.length < YIELD_BYTES) return
      // The rest of a snapshot waits until everything else had its turn.
      response.pause()
      setImmediate(() => response.resume())
    })
    response.on('end', () => this.end('orderly', new Error('the service ended the stream')))
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
    if (!this.#parser.insideEvent) return
    this.#eventSince ??= this.#arrivedAt
    // A large event that is still arriving resets the silence timer, for a limited time.
    if (this.#arrivedAt - this.#eventSince < MAX_EVENT_MS) this.#restartTimer()
  }

  #onEvent(event: StreamEvent): void {
    // An earlier event of the same chunk may have closed the connection.
    if (this.#hasEnded) return
    this.#eventSince = undefined
    this.#restartTimer()
    this.#handlers.onEvent(event, this.#arrivedAt, this.#parser.lastEventId)
  }

  #restartTimer(): void {
    this.#cancelTimer()
    this.#cancelTimer = afterSilence(this.#clock, silenceLimitMs(this.#feed.maxStalenessMs), () =>
      this.#onSilence(),
    )
  }

  #onSilence(): void {
    this.end('failed', new Error('the service sent nothing for too long'))
  }

  end(kind: FeedEnd['kind'], error: Error): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#cancelTimer()
    this.#request.on('error', () => undefined)
    this.#request.destroy()
    this.#handlers.onEnd({ kind, error, retryMs: this.#parser.retryMs })
  }
}

function problemOf({ statusCode, headers }: IncomingMessage): Error | undefined {
  if (statusCode === 401 || statusCode === 403) {
    return new Error(`status ${statusCode}; check that serviceKey is one of SERVICE_KEYS of the service`)
  }
  if (statusCode === 404)
    return new Error('status 404; check that url is the internal listener of the service')
  if (statusCode !== 200) return new Error(`status ${statusCode ?? 0}`)
  if (headers['content-type']?.startsWith('text/event-stream') !== true)
    return new Error('not an event stream; check that url is the internal listener, and no web page')
  const encoding = headers['content-encoding'] ?? 'identity'
  return encoding === 'identity'
    ? undefined
    : new Error('the stream is compressed; turn off compression in the proxy')
}
