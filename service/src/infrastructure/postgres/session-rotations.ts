import { ApplicationError } from '../../application/errors.ts'
import type { Rotation } from '../../application/ports/sessions.ts'
import type { Session } from '../../domain/session.ts'
import type { Database } from './database.ts'
import {
  ROTATE,
  ROTATE_MANY,
  rotateManyParameters,
  rotateParameters,
  sessionAfter,
  type RotatedRow,
} from './rotation-statements.ts'

/** With this many statements in flight, further calls wait and are batched. */
const MAX_IN_FLIGHT = 2
/** Up to this size, each further rotation costs less than the one before. */
const LARGEST_BATCH = 128
/** A statement that takes longer, for a lock or a slow server, holds up no other call: the pool has more connections. */
const SLOW_STATEMENT_MS = 20

type Rotated = Session | undefined

interface Call {
  readonly rotation: Rotation
  readonly resolve: (rotated: Rotated | Promise<Rotated>) => void
}

/** Calls for one session at one generation. Only the first of them can rotate it. */
type DuplicateCalls = readonly [Call, ...Call[]]

/**
 * Rotates sessions, and many of them in one statement under load. A call under no load is sent immediately. Calls that come
 * while two statements are in flight wait, and are sent together when one of these is done. A rotation that a batch does not
 * make is tried again by itself. So a session that is locked, refused or broken gets the same result as without the batch,
 * and does not affect the others.
 */
export class SessionRotations {
  readonly #db: Database
  readonly #onStatement: (rotations: number) => void
  #waiting: Call[] = []
  #inFlight = 0

  /** `onStatement` gets the number of rotations that each statement is for. */
  constructor(db: Database, onStatement: (rotations: number) => void = () => undefined) {
    this.#db = db
    this.#onStatement = onStatement
  }

  /** As `Sessions.rotate`. */
  rotate(rotation: Rotation): Promise<Rotated> {
    if (this.#inFlight < MAX_IN_FLIGHT) return this.#countInFlight(() => this.#rotateOne(rotation))
    return new Promise((resolve) => this.#waiting.push({ rotation, resolve }))
  }

  /** Counts the work as in flight until it is done or proves slow. */
  async #countInFlight<T>(work: () => Promise<T>): Promise<T> {
    this.#inFlight += 1
    let isCounted = true
    const uncount = (): void => {
      if (!isCounted) return
      isCounted = false
      this.#inFlight -= 1
      this.#sendNext()
    }
    const timer = setTimeout(uncount, SLOW_STATEMENT_MS)
    try {
      return await work()
    } finally {
      clearTimeout(timer)
      uncount()
    }
  }

  #sendNext(): void {
    if (this.#waiting.length === 0) return
    const batch = this.#takeBatch()
    void this.#countInFlight(() => this.#rotateMany(batch))
  }

  /**
   * The calls that have waited longest, each session once: a call for its next generation has to see what the first call
   * did.
   */
  #takeBatch(): readonly DuplicateCalls[] {
    const batch = new Map<string, [Call, ...Call[]]>()
    this.#waiting = this.#waiting.filter((call) => {
      const { sessionId, generation } = call.rotation
      const duplicates = batch.get(sessionId)
      if (duplicates === undefined) {
        if (batch.size === LARGEST_BATCH) return true
        batch.set(sessionId, [call])
        return false
      }
      if (duplicates[0].rotation.generation !== generation) return true
      duplicates.push(call)
      return false
    })
    return [...batch.values()]
  }

  async #rotateOne(rotation: Rotation): Promise<Rotated> {
    this.#onStatement(1)
    const [row] = await ROTATE.execute(this.#db, rotateParameters(rotation))
    return row && sessionAfter(rotation, row)
  }

  async #rotateMany(batch: readonly DuplicateCalls[]): Promise<void> {
    const [only] = batch
    if (batch.length === 1 && only?.length === 1) {
      const [{ rotation, resolve }] = only
      const alone = this.#rotateOne(rotation)
      resolve(alone)
      await alone.catch(() => undefined)
      return
    }
    const rotated = this.#rotateTogether(batch.map(([{ rotation }]) => rotation))
    for (const [first, ...others] of batch) {
      first.resolve(this.#fromBatch(first.rotation, rotated, (row) => sessionAfter(first.rotation, row)))
      for (const { rotation, resolve } of others) resolve(this.#fromBatch(rotation, rotated, () => undefined))
    }
    await rotated.catch(() => undefined)
  }

  /** If the batch rotated the session, the result that `resultOf` makes of its row; otherwise that of a single statement. */
  async #fromBatch(
    rotation: Rotation,
    rotated: Promise<ReadonlyMap<string, RotatedRow>>,
    resultOf: (row: RotatedRow) => Rotated,
  ): Promise<Rotated> {
    try {
      const row = (await rotated).get(rotation.sessionId)
      if (row !== undefined) return resultOf(row)
    } catch (error) {
      // The database is unreachable: a statement for each call would fail as well.
      if (error instanceof ApplicationError) throw error
    }
    return this.#rotateOne(rotation)
  }

  async #rotateTogether(rotations: readonly Rotation[]): Promise<ReadonlyMap<string, RotatedRow>> {
    this.#onStatement(rotations.length)
    const rows = await ROTATE_MANY.execute(this.#db, rotateManyParameters(rotations))
    return new Map(rows.map((row) => [row.id, row]))
  }
}
