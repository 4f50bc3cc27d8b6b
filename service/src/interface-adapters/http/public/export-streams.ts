import { Readable } from 'node:stream'
import { ApplicationError } from '../../../application/errors.ts'
import type { ExportedUser } from '../../../application/users/export-user.ts'
import { activityBody } from './activity-schemas.ts'
import * as bodies from '../response-bodies.ts'

/** Exports that an instance sends at the same time. Each keeps a few pages in memory. */
const EXPORTS = 4
/** A client that takes longer to read one page is cut off, because it keeps others waiting. */
const PAGE_DEADLINE_MS = 15_000
/** A client that took longer to read all pages so far gives way to another export if there is no place left. */
const PATIENCE_MS = 5_000
const RETRY_AFTER_SECONDS = 5

interface Limits {
  readonly exports?: number
  readonly pageDeadlineMs?: number
  readonly patienceMs?: number
}

interface Running {
  readonly stream: Readable
  /** The time that the service has waited for the client. */
  readonly waitedMs: () => number
}

/** Sends exports as JSON. A page is read from the database when the client has taken the one before. */
export class ExportStreams {
  readonly #publicUrl: string
  readonly #exports: number
  readonly #pageDeadlineMs: number
  readonly #patienceMs: number
  readonly #running = new Set<Running>()
  #opening = 0

  constructor(
    publicUrl: string,
    { exports = EXPORTS, pageDeadlineMs = PAGE_DEADLINE_MS, patienceMs = PATIENCE_MS }: Limits = {},
  ) {
    this.#publicUrl = publicUrl
    this.#exports = exports
    this.#pageDeadlineMs = pageDeadlineMs
    this.#patienceMs = patienceMs
  }

  /**
   * Resolves when the first page has been read, so that a failure until then gets a problem document. A later failure breaks
   * the response off, and the client sees an incomplete body. Throws `overloaded`, and whatever `read` throws.
   */
  async open(read: () => Promise<ExportedUser>): Promise<Readable> {
    if (this.#running.size + this.#opening >= this.#exports) this.#makePlace()
    this.#opening += 1
    try {
      const text = jsonOf(await read(), this.#publicUrl)
      const first = await text.next()
      const running = paced(first.value ?? '', text, this.#pageDeadlineMs)
      this.#running.add(running)
      return running.stream.once('close', () => this.#running.delete(running))
    } finally {
      this.#opening -= 1
    }
  }

  /** The slowest client gives way, so that slow ones cannot keep all places. */
  #makePlace(): void {
    const [slowest] = [...this.#running].toSorted((a, b) => b.waitedMs() - a.waitedMs())
    if (slowest === undefined || slowest.waitedMs() < this.#patienceMs)
      throw new ApplicationError('overloaded', { retryAfterSeconds: RETRY_AFTER_SECONDS })
    this.#running.delete(slowest)
    slowest.stream.destroy(new Error('the client read the export more slowly than others that wait'))
  }
}

function paced(first: string, rest: AsyncIterable<string>, deadlineMs: number): Running {
  let waitedMs = 0
  let waitingSince: number | undefined
  const waited = (): number => waitedMs + (waitingSince === undefined ? 0 : performance.now() - waitingSince)
  const cutOff = (): unknown => stream.destroy(new Error('the client did not read the export in time'))
  async function* pages(): AsyncGenerator<string> {
    for await (const page of followedBy(first, rest)) {
      const deadline = setTimeout(cutOff, deadlineMs)
      waitingSince = performance.now()
      try {
        yield page
      } finally {
        clearTimeout(deadline)
        waitedMs = waited()
        waitingSince = undefined
      }
    }
  }
  const stream = Readable.from(pages())
  return { stream, waitedMs: waited }
}

async function* followedBy(first: string, rest: AsyncIterable<string>): AsyncGenerator<string> {
  yield first
  yield* rest
}

/** The body of an export in pieces, one for each page. */
async function* jsonOf(
  { user, emailChanges, factors, sessions, events, activity }: ExportedUser,
  publicUrl: string,
): AsyncGenerator<string, undefined> {
  const earlier = JSON.stringify(emailChanges.map(bodies.exportedEmailChange))
  const own = JSON.stringify(bodies.exportedUser(user, publicUrl))
  const ofFactors = JSON.stringify(bodies.factors(factors))
  const head = `{"user":${own},"earlier_emails":${earlier},"factors":${ofFactors},"sessions":[`
  yield* listOf(head, sessions, bodies.exportedSession)
  yield* listOf('],"events":[', events, bodies.exportedEvent)
  yield* listOf('],"activity":[', activity, activityBody)
  yield ']}'
}

async function* listOf<T>(
  head: string,
  pages: AsyncIterable<readonly T[]>,
  toBody: (one: T) => object,
): AsyncGenerator<string, undefined> {
  let before = head
  for await (const page of pages) {
    yield before + page.map((one) => JSON.stringify(toBody(one))).join(',')
    before = ','
  }
  if (before === head) yield head
}
