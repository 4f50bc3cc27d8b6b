// Reads the raw revocation feed, without the verifier library.
import { EventEmitter, once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'

export interface FeedEvent {
  /** The seq in its id. */
  readonly id: number
  /** To be sent as Last-Event-ID. */
  readonly place: string
  readonly event: string
  readonly data: Record<string, unknown>
}

export class FeedReader {
  readonly events: FeedEvent[] = []
  /** The last `retry` value: how long to wait before reconnecting. */
  retryMs: number | undefined
  readonly response: IncomingMessage
  /** Resolves when the stream ends, and says whether it ended cleanly. */
  readonly ended: Promise<'in order' | 'cut off'>
  readonly #news = new EventEmitter()
  #rest = ''

  private constructor(response: IncomingMessage) {
    this.response = response
    response.setEncoding('utf8').on('data', (text: string) => this.#read(text))
    this.ended = new Promise((resolve) => {
      response.on('close', () => {
        resolve(response.complete ? 'in order' : 'cut off')
        this.#news.emit('event')
      })
      response.on('error', () => undefined)
    })
  }

  static async open(url: string, key: string, lastEventId?: string): Promise<FeedReader> {
    const headers = {
      authorization: `Bearer ${key}`,
      ...(lastEventId !== undefined && { 'last-event-id': lastEventId }),
    }
    const request = get(`${url}/v1/revocations/stream`, { headers, agent: false })
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    return new FeedReader(response)
  }

  #read(text: string): void {
    const blocks = (this.#rest + text).split('\n\n')
    this.#rest = blocks.pop() ?? ''
    for (const block of blocks) {
      if (block.startsWith('retry: ')) this.retryMs = Number(block.slice(7))
      else this.events.push(parseEvent(block))
    }
    this.#news.emit('event')
  }

  named(event: string): FeedEvent[] {
    return this.events.filter((each) => each.event === event)
  }

  /** The rows it received, in a snapshot or as single events. */
  get rows(): Record<string, unknown>[] {
    return this.events.flatMap(({ event, data }) => {
      if (event === 'snapshot') return data['revocations'] as Record<string, unknown>[]
      return event === 'revoked' ? [data] : []
    })
  }

  /** Waits until `isThere` accepts the events so far. */
  async until(isThere: (reader: FeedReader) => boolean): Promise<void> {
    while (!isThere(this)) {
      if (this.response.closed) throw new Error(`the stream ended after ${this.events.length} events`)
      await once(this.#news, 'event')
    }
  }

  close(): void {
    this.response.destroy()
  }
}

function parseEvent(block: string): FeedEvent {
  const fields = new Map(
    block.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
  )
  const place = fields.get('id') ?? ''
  return {
    id: Number(place.split(':')[1]),
    place,
    event: fields.get('event') ?? '',
    data: JSON.parse(fields.get('data') ?? '{}') as Record<string, unknown>,
  }
}
