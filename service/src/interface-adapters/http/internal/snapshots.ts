import type { LoggedRevocation } from '../../../application/ports/revocation-log.ts'
import type { LogPlace, RowBlock } from '../../../application/revocations/log-copy.ts'
import type { RevocationFeed } from '../../../application/revocations/revocation-feed.ts'
import { eventHead, placeJson, rowJson } from './feed-events.ts'

/** The whole log at one moment. Its bytes are made as they are read, and those of the rows belong to all snapshots. */
export interface Snapshot {
  readonly place: LogPlace
  /** One JSON document. */
  json(): Iterable<Buffer>
  /** One `snapshot` event. */
  event(): Iterable<Buffer>
  /** The rows in `revocations` events, then a `snapshot` event without rows: a reader can read it bit by bit. */
  events(): Iterable<Buffer>
}

const COMMA = Buffer.from(',')
const ROWS_END = Buffer.from(']}')
const EVENT_END = Buffer.from('\n\n')

/** Encodes each block of rows once. The bytes are kept as long as the block. */
export class Snapshots {
  readonly #rows = new EncodedBlocks(rowJson)
  // Behind any row of the log: verifiers compare the seqs of one session.
  readonly #lost = new EncodedBlocks((row) => rowJson({ ...row, seq: 0 }))

  /** `asOf` may be earlier than the last read of the feed. */
  of(feed: Pick<RevocationFeed, 'current'>, asOf: Date): Snapshot {
    const { place, blocks, lost } = feed.current()
    const last = blocks.at(-1)
    // The last block grows, so its rows of now are encoded now.
    const lastRows = last === undefined ? [] : [this.#rows.of(last)]
    const [rowsOf, lostOf] = [this.#rows, this.#lost]
    const rows = function* (): Iterable<Buffer> {
      for (const block of lost) yield lostOf.of(block)
      for (const block of blocks.slice(0, -1)) yield rowsOf.of(block)
      yield* lastRows
    }
    const head = Buffer.from(`{${placeJson(place, asOf)},"revocations":[`)
    const rowsHead = Buffer.from(`event: revocations\ndata: {"log":"${place.log}","revocations":[`)
    const eventStart = Buffer.from(eventHead('snapshot', place))
    return {
      place,
      json: () => json(head, rows()),
      event: function* () {
        yield eventStart
        yield* json(head, rows())
        yield EVENT_END
      },
      events: function* () {
        for (const part of rows()) yield* [rowsHead, part, ROWS_END, EVENT_END]
        yield* [eventStart, head, ROWS_END, EVENT_END]
      },
    }
  }
}

class EncodedBlocks {
  readonly #toJson: (row: LoggedRevocation) => string
  readonly #encoded = new WeakMap<RowBlock, { readonly count: number; readonly bytes: Buffer }>()

  constructor(toJson: (row: LoggedRevocation) => string) {
    this.#toJson = toJson
  }

  /** JSON with commas in between. */
  of(block: RowBlock): Buffer {
    const known = this.#encoded.get(block)
    if (known?.count === block.length) return known.bytes
    const bytes = Buffer.from(block.map(this.#toJson).join())
    this.#encoded.set(block, { count: block.length, bytes })
    return bytes
  }
}

function* json(head: Buffer, rows: Iterable<Buffer>): Iterable<Buffer> {
  yield head
  let isFirst = true
  for (const part of rows) {
    if (!isFirst) yield COMMA
    isFirst = false
    yield part
  }
  yield ROWS_END
}
