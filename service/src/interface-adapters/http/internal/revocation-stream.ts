import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import type { LoggedRevocation } from '../../../application/ports/revocation-log.ts'
import type { LogPlace } from '../../../application/revocations/log-copy.ts'
import type { RevocationFeed } from '../../../application/revocations/revocation-feed.ts'
import { heartbeatEvent, revokedEvents } from './feed-events.ts'
import { PacedWrites } from './paced-writes.ts'
import { Snapshots, type Snapshot } from './snapshots.ts'

/** Unsent bytes for which a reader is dropped. All slow readers share the same buffers. */
const BACKLOG_LIMIT_BYTES = 8 * 1024 * 1024
/** A reader with unsent bytes for this many heartbeats is dropped. */
const STALLED_HEARTBEATS = 5
/** A reader that missed more rows gets a snapshot, whose bytes are shared. */
const MAXIMUM_MISSED_ROWS = 5_000
/** Rows encoded together, and written to every reader without a pause. */
const ROWS_TOGETHER = 500
/** Readers reconnect within this time, each after a random delay, so that they do not arrive together. */
const RETURN_WITHIN_MS = 1_000

interface Reader {
  readonly response: ServerResponse
  /** Undefined for HTTP/1.0, where a body has no chunks. */
  readonly chunkSocket: Socket | undefined
  /** The last row it was sent before it began to follow. */
  seq: number
  /** It has everything up to now and is sent what comes. */
  isFollowing: boolean
  /** The heartbeat after which it first had unsent bytes; undefined while it keeps up. */
  behindSince: number | undefined
}

/** How a reader begins. */
interface Opening {
  /** The last row it has received. */
  readonly after: LogPlace | undefined
  /** It can read a snapshot in several events. */
  readonly readsParts: boolean
}

/** Sends the revocation feed as server-sent events (HTML standard, section 9.2) to thousands of readers. */
export class RevocationStream {
  readonly #feed: RevocationFeed
  readonly #readers = new Set<Reader>()
  readonly #snapshots = new Snapshots()
  readonly #pacedWrites = new PacedWrites()
  #isClosed = false
  #heartbeats = 0
  #droppedCount = 0

  constructor(feed: RevocationFeed) {
    this.#feed = feed
    feed.listen({
      revoked: (revocations) => this.#revoked(revocations),
      restarted: () => this.#readers.forEach((reader) => this.#drop(reader)),
    })
  }

  get readerCount(): number {
    return this.#readers.size
  }

  /** The number of readers dropped for being too slow. */
  get droppedCount(): number {
    return this.#droppedCount
  }

  /** The whole log. Rejects when it cannot be read. */
  async snapshot(): Promise<Snapshot> {
    const { asOf } = await this.#feed.catchUp()
    return this.#snapshots.of(this.#feed, asOf)
  }

  /**
   * Reads the log for a new reader. It gets the rows after its place if the log still has them, a snapshot otherwise. The
   * caller must call the returned function immediately; it starts the stream. Rejects when the log cannot be read.
   */
  async open({ after, readsParts }: Opening): Promise<(response: ServerResponse) => void> {
    const { asOf } = await this.#feed.catchUp()
    return (response) => {
      const retry = Buffer.from(`retry: ${RETURN_WITHIN_MS}\n\n`)
      const missed = after === undefined ? undefined : this.#feed.since(after)?.length
      if (after !== undefined && missed !== undefined && missed <= MAXIMUM_MISSED_ROWS) {
        this.#start(response, after, [retry])
        return
      }
      const snapshot = this.#snapshots.of(this.#feed, asOf)
      this.#start(
        response,
        snapshot.place,
        concat([retry], readsParts ? snapshot.events() : snapshot.event()),
      )
    }
  }

  #start(response: ServerResponse, place: LogPlace, first: Iterable<Buffer>): void {
    if (this.#isClosed) {
      response.end(goodbye())
      return
    }
    const { socket } = response.req
    const chunkSocket = response.chunkedEncoding ? socket : undefined
    const reader: Reader = {
      response,
      chunkSocket,
      seq: place.seq,
      isFollowing: false,
      behindSince: undefined,
    }
    this.#readers.add(reader)
    socket.on('drain', () => (reader.behindSince = undefined))
    response.on('close', () => this.#readers.delete(reader))
    // A reader that disconnects is normal, not an error.
    response.on('error', () => this.#drop(reader))
    void this.#bring(reader, place, first)
  }

  /** Writes the first events, then the rows that arrived in between, until the reader has everything and can follow. */
  async #bring(reader: Reader, { log, mark }: LogPlace, first: Iterable<Buffer>): Promise<void> {
    let isOpen = await this.#writePaced(reader, first)
    let known = mark
    while (isOpen) {
      const missed = this.#feed.since({ log, seq: reader.seq, mark: known })
      if (missed === undefined) {
        this.#drop(reader)
        return
      }
      const [rows, last] = [missed.slice(0, ROWS_TOGETHER), missed.at(ROWS_TOGETHER - 1) ?? missed.at(-1)]
      if (last === undefined) {
        this.#follow(reader)
        return
      }
      isOpen = await this.#writePaced(reader, [Buffer.from(revokedEvents(log, rows))])
      reader.seq = last.seq
      known = last.mark
    }
  }

  #writePaced(reader: Reader, parts: Iterable<Buffer>): Promise<boolean> {
    return this.#pacedWrites.write(reader.response, parts, () => (reader.behindSince = this.#heartbeats))
  }

  #follow(reader: Reader): void {
    reader.isFollowing = true
    reader.behindSince = undefined
    const position = this.#feed.position()
    if (position === undefined) return
    const { place } = this.#feed.current()
    this.#write(reader, Buffer.from(heartbeatEvent(place, position.asOf)))
  }

  /** Sends new rows, then a heartbeat. Rejects, and sends no heartbeat, when the log cannot be read. */
  async beat(): Promise<void> {
    const { asOf } = await this.#feed.catchUp()
    this.#heartbeats += 1
    for (const reader of this.#readers) if (this.#isStalled(reader)) this.#dropSlow(reader)
    this.#toFollowers(heartbeatEvent(this.#feed.current().place, asOf))
  }

  /** Ends every stream. The readers reconnect to another instance, each after a random delay. */
  close(): void {
    this.#isClosed = true
    for (const { response, isFollowing } of this.#readers) {
      // In the middle of an event this text would become a part of it.
      response.end(isFollowing ? goodbye() : undefined)
    }
  }

  #isStalled({ behindSince = Infinity }: Reader): boolean {
    return this.#heartbeats - behindSince > STALLED_HEARTBEATS
  }

  /** With pauses, so that a burst of ends does not hold up everything else. */
  async #revoked(revocations: readonly LoggedRevocation[]): Promise<void> {
    const { log } = this.#feed.current().place
    for (let from = 0; from < revocations.length; from += ROWS_TOGETHER) {
      if (from > 0) await turn()
      const rows = revocations.slice(from, from + ROWS_TOGETHER)
      this.#toFollowers(revokedEvents(log, rows), rows.at(-1)?.seq)
    }
  }

  /** Encodes the events once for all readers. A reader that began to follow after `upTo` has them already. */
  #toFollowers(text: string, upTo = Infinity): void {
    // Every reader has received its goodbye.
    if (this.#isClosed) return
    const bytes = Buffer.from(text)
    const chunk = chunkOf(bytes)
    for (const reader of this.#readers) {
      if (reader.isFollowing && reader.seq < upTo) this.#write(reader, bytes, chunk)
    }
  }

  #write(reader: Reader, bytes: Buffer, chunk?: Buffer): void {
    const { response, chunkSocket } = reader
    // Not while an earlier response on the same connection is still being sent.
    const isTaken =
      chunk === undefined || chunkSocket === undefined || response.socket === null
        ? response.write(bytes)
        : chunkSocket.write(chunk)
    if (!isTaken) reader.behindSince ??= this.#heartbeats
    if (response.writableLength > BACKLOG_LIMIT_BYTES) this.#dropSlow(reader)
  }

  #dropSlow(reader: Reader): void {
    this.#droppedCount += 1
    this.#drop(reader)
  }

  /** The reader reconnects and continues after the last row it received. */
  #drop(reader: Reader): void {
    this.#readers.delete(reader)
    reader.response.destroy()
  }
}

/**
 * A chunk of a response (RFC 9112, section 7.1), built once for all readers. Node would make three writes of each, and
 * sending to 1,000 readers would take about 1.4 times as long.
 */
const chunkOf = (bytes: Buffer): Buffer =>
  Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')])

const goodbye = (): string => `retry: ${Math.ceil(Math.random() * RETURN_WITHIN_MS)}\n\n`

function* concat(...lists: readonly Iterable<Buffer>[]): Iterable<Buffer> {
  for (const list of lists) yield* list
}
