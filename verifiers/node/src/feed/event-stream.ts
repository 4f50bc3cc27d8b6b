/** One event of a `text/event-stream`. */
export interface StreamEvent {
  readonly type: string
  readonly data: string
}

interface Limits {
  /** Maximum number of bytes from the end of one event to the end of the next. */
  readonly maxEventBytes: number
}

const LF = 0x0a
const CR = 0x0d
const COLON = 0x3a
const BOM = '\uFEFF'

/**
 * Parses server-sent events (HTML standard, section 9.2.6) from chunks that may be split anywhere.
 * `push` throws a `RangeError` when an event exceeds the limit.
 */
export class EventStreamParser {
  /** The last `retry:` value of the stream, in milliseconds. */
  retryMs: number | undefined
  /** The last `id:` value of the stream; undefined before the first. */
  lastEventId: string | undefined
  /** True while an event is incomplete. A comment is not part of an event. */
  get insideEvent(): boolean {
    return this.#bytes > 0 && !(this.#isBetweenEvents && this.#line[0]?.[0] === COLON)
  }

  readonly #onEvent: (event: StreamEvent) => void
  readonly #limits: Limits
  #line: Uint8Array[] = []
  #bytes = 0
  #skipLineFeed = false
  #atStart = true
  #type = ''
  #data: string[] = []

  constructor(onEvent: (event: StreamEvent) => void, limits: Limits) {
    this.#onEvent = onEvent
    this.#limits = limits
  }

  push(chunk: Uint8Array): void {
    let start = 0
    if (this.#skipLineFeed && chunk.length > 0) {
      if (chunk[0] === LF) start = 1
      this.#skipLineFeed = false
    }
    let cr = chunk.indexOf(CR, start)
    let lf = chunk.indexOf(LF, start)
    while (cr !== -1 || lf !== -1) {
      const end = cr === -1 || (lf !== -1 && lf < cr) ? lf : cr
      this.#take(chunk.subarray(start, end))
      this.#endLine()
      start = end + 1
      if (end === cr) {
        if (start === chunk.length) this.#skipLineFeed = true
        else if (lf === start) start += 1
        cr = chunk.indexOf(CR, start)
      }
      if (lf !== -1 && lf < start) lf = chunk.indexOf(LF, start)
    }
    this.#take(chunk.subarray(start))
  }

  get #isBetweenEvents(): boolean {
    return this.#data.length === 0 && this.#type === ''
  }

  #take(part: Uint8Array): void {
    if (part.length === 0) return
    this.#bytes += part.length
    if (this.#bytes > this.#limits.maxEventBytes) throw new RangeError('An event of the feed is too large.')
    this.#line.push(part)
  }

  #endLine(): void {
    const line = decode(this.#line)
    this.#line = []
    if (this.#atStart) {
      this.#atStart = false
      this.#readLine(line.startsWith(BOM) ? line.slice(1) : line)
    } else this.#readLine(line)
  }

  #readLine(line: string): void {
    if (line === '') {
      this.#dispatch()
      return
    }
    const colon = line.indexOf(':')
    if (colon === 0) {
      // A comment outside of an event does not count towards its size.
      if (this.#isBetweenEvents) this.#bytes = 0
      return
    }
    const field = colon === -1 ? line : line.slice(0, colon)
    const value = colon === -1 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1)
    if (field === 'event') this.#type = value
    else if (field === 'data') this.#data.push(value)
    else if (field === 'id' && !value.includes('\0')) this.lastEventId = value
    else if (field === 'retry' && /^[0-9]{1,9}$/.test(value)) this.retryMs = Number(value)
  }

  #dispatch(): void {
    const [type, data] = [this.#type, this.#data]
    this.#type = ''
    this.#data = []
    this.#bytes = 0
    if (data.length === 0) return
    this.#onEvent({ type: type === '' ? 'message' : type, data: data.join('\n') })
  }
}

function decode(parts: readonly Uint8Array[]): string {
  const [only] = parts
  if (only === undefined) return ''
  const bytes = parts.length === 1 ? only : Buffer.concat(parts)
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
}
