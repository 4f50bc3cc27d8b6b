import { CompiledQuery } from 'kysely'
import { ApplicationError } from '../../application/errors.ts'
import type { Rotation } from '../../application/ports/sessions.ts'
import { earlier, secondsAfter, type Session } from '../../domain/session.ts'
import type { Database } from './database.ts'
import { prepared } from './guarded-pool.ts'
import { toSession } from './rows.ts'
import type { SessionRow } from './schema.ts'

/** What of a session the step itself does not tell, and the id, by which a batch finds its rows. Each column costs every refresh. */
const UNTOLD = [
  'id',
  'confirmed_generation',
  'created_at',
  'last_seen_at',
  'expires_at',
  'device_id',
  'device_name',
  'user_agent',
  'address',
  'auth_time',
  'amr',
  'roles',
] as const

type RotatedRow = Pick<SessionRow, (typeof UNTOLD)[number]>

/** The session after that step. */
const sessionAfter = ({ userId, generation, now, idleSeconds }: Rotation, row: RotatedRow): Session =>
  toSession({
    ...row,
    user_id: userId,
    generation: generation + 1,
    refreshed_at: now,
    idle_expires_at: earlier(secondsAfter(now, idleSeconds), row.expires_at),
    ended_at: null,
    end_reason: null,
  })

/**
 * The guard is the whole of it: the update matches only the live session at that generation. The roles are the session's
 * own: should the update have waited for a change of them, the row is read again, while a look at the user would not be.
 */
export const ROTATE = prepared(
  'rotate_session',
  `update sessions
   set generation = generation + 1, refreshed_at = $4, idle_expires_at = least($5::timestamptz, expires_at)
   where user_id = $1 and id = $2 and generation = $3
     and ended_at is null and idle_expires_at > $4 and expires_at > $4
   returning ${UNTOLD.join(', ')}`,
)

/**
 * The same for many, of different sessions. Rows that somebody else holds are left out: so nobody waits for another's
 * lock, and while it holds some rows it never waits for more, without which there is no deadlock.
 */
const ROTATE_MANY = prepared(
  'rotate_sessions',
  `with wanted as (
     select * from unnest($1::bigint[], $2::uuid[], $3::integer[], $4::timestamptz[], $5::timestamptz[])
       as wanted (user_id, id, generation, now, rests_until)
   ), free as (
     select user_id, id from sessions
     where (user_id, id) in (select user_id, id from wanted)
     for no key update skip locked
   )
   update sessions
   set generation = sessions.generation + 1, refreshed_at = now, idle_expires_at = least(rests_until, expires_at)
   from wanted join free using (user_id, id)
   where sessions.user_id = wanted.user_id and sessions.id = wanted.id
     and sessions.generation = wanted.generation
     and ended_at is null and idle_expires_at > now and expires_at > now
   returning ${UNTOLD.map((column) => `sessions.${column}`).join(', ')}`,
)

/** Statements under way before calls begin to wait for one another. */
const LANES = 2
/** Within it, each more costs less than the one before. */
const LARGEST_BATCH = 128
/** A statement that takes longer, be it for a lock or a slow server, keeps nobody waiting: the pool has more connections. */
const PATIENCE_MS = 20

type Answer = Session | undefined

interface Call {
  readonly rotation: Rotation
  readonly answer: (answer: Answer | Promise<Answer>) => void
}

/** Calls for one session at one generation; what the first gets is no longer there for the others. */
type Twins = readonly [Call, ...Call[]]

/**
 * Rotates sessions, a crowd's in one statement. A call that meets no crowd goes out by itself at once; those that come while
 * others are under way go together when one of these is back. Whatever a batch does not rotate is tried by itself: a row
 * that is locked, refused or broken is the same to its caller as without the crowd, and nothing to its neighbours.
 */
export class SessionRotations {
  readonly #db: Database
  readonly #onStatement: (rotations: number) => void
  #waiting: Call[] = []
  #busyLanes = 0

  /** `onStatement` is told how many rotations each statement is for. */
  constructor(db: Database, onStatement: (rotations: number) => void = () => undefined) {
    this.#db = db
    this.#onStatement = onStatement
  }

  /** As `Sessions.rotate`. */
  rotate(rotation: Rotation): Promise<Answer> {
    if (this.#busyLanes < LANES) return this.#inLane(() => this.#rotateOne(rotation))
    return new Promise((answer) => this.#waiting.push({ rotation, answer }))
  }

  async #inLane<T>(work: () => Promise<T>): Promise<T> {
    this.#busyLanes += 1
    let isBusy = true
    const leave = (): void => {
      if (!isBusy) return
      isBusy = false
      this.#busyLanes -= 1
      this.#callNext()
    }
    const patience = setTimeout(leave, PATIENCE_MS)
    try {
      return await work()
    } finally {
      clearTimeout(patience)
      leave()
    }
  }

  #callNext(): void {
    if (this.#waiting.length === 0) return
    const batch = this.#takeBatch()
    void this.#inLane(() => this.#rotateMany(batch))
  }

  /** The longest waiting, each session once: of two generations of it the second has to see what the first did. */
  #takeBatch(): readonly Twins[] {
    const batch = new Map<string, [Call, ...Call[]]>()
    this.#waiting = this.#waiting.filter((call) => {
      const { sessionId, generation } = call.rotation
      const twins = batch.get(sessionId)
      if (twins === undefined) {
        if (batch.size === LARGEST_BATCH) return true
        batch.set(sessionId, [call])
        return false
      }
      if (twins[0].rotation.generation !== generation) return true
      twins.push(call)
      return false
    })
    return [...batch.values()]
  }

  async #rotateOne(rotation: Rotation): Promise<Answer> {
    this.#onStatement(1)
    const { userId, sessionId, generation, now, idleSeconds } = rotation
    const parameters = [userId, sessionId, generation, now, secondsAfter(now, idleSeconds)]
    const { rows } = await this.#db.executeQuery(CompiledQuery.raw(ROTATE, parameters))
    const row = rows[0] as RotatedRow | undefined
    return row && sessionAfter(rotation, row)
  }

  async #rotateMany(batch: readonly Twins[]): Promise<void> {
    const [only] = batch
    if (batch.length === 1 && only?.length === 1) {
      const [{ rotation, answer }] = only
      const alone = this.#rotateOne(rotation)
      answer(alone)
      await alone.catch(() => undefined)
      return
    }
    const rotated = this.#rotateTogether(batch.map(([{ rotation }]) => rotation))
    for (const [first, ...others] of batch) {
      first.answer(this.#fromBatch(first.rotation, rotated, (row) => sessionAfter(first.rotation, row)))
      for (const { rotation, answer } of others) answer(this.#fromBatch(rotation, rotated, () => undefined))
    }
    await rotated.catch(() => undefined)
  }

  /** `answerOf` a rotated session; otherwise what the ordinary path answers. */
  async #fromBatch(
    rotation: Rotation,
    rotated: Promise<ReadonlyMap<string, RotatedRow>>,
    answerOf: (row: RotatedRow) => Answer,
  ): Promise<Answer> {
    try {
      const row = (await rotated).get(rotation.sessionId)
      if (row !== undefined) return answerOf(row)
    } catch (error) {
      // Where the database is away, each would only find the same.
      if (error instanceof ApplicationError) throw error
    }
    return this.#rotateOne(rotation)
  }

  async #rotateTogether(rotations: readonly Rotation[]): Promise<ReadonlyMap<string, RotatedRow>> {
    this.#onStatement(rotations.length)
    const columns = [
      rotations.map(({ userId }) => userId),
      rotations.map(({ sessionId }) => sessionId),
      rotations.map(({ generation }) => generation),
      rotations.map(({ now }) => now),
      rotations.map(({ now, idleSeconds }) => secondsAfter(now, idleSeconds)),
    ]
    const { rows } = await this.#db.executeQuery(CompiledQuery.raw(ROTATE_MANY, columns))
    return new Map((rows as RotatedRow[]).map((row) => [row.id, row]))
  }
}
