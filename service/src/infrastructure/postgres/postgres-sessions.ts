import { CompiledQuery, sql, type RawBuilder } from 'kysely'
import type {
  Receipt,
  Rotation,
  SessionOfUser,
  Sessions,
  SessionsInTransaction,
} from '../../application/ports/sessions.ts'
import type { Session, SessionId } from '../../domain/session.ts'
import type { UserId } from '../../domain/user.ts'
import type { Database } from './database.ts'
import { prepared } from './guarded-pool.ts'
import { fromSession, toSession, toUser } from './rows.ts'
import { sessionColumns, userColumns, type SessionRow, type UserRow } from './schema.ts'
import { SessionRotations } from './session-rotations.ts'

/** Of columns with the same name the session's wins, since it comes later. */
const FIND = prepared(
  'find_session',
  `select ${userColumns.map((column) => `users.${column}`).join(', ')}, users.created_at as user_created_at,
     users.roles as user_roles,
     ${sessionColumns.map((column) => `sessions.${column}`).join(', ')}
   from sessions join users on users.id = sessions.user_id
   where sessions.user_id = $1 and sessions.id = $2`,
)

/** Locks in the order of the key, so that two batches never wait for each other. */
const CONFIRM = prepared(
  'confirm_receipts',
  `with receipts as (
     select user_id, id, max(generation) as generation, max(seen_at) as seen_at
     from unnest($1::bigint[], $2::uuid[], $3::integer[], $4::timestamptz[])
       as reported (user_id, id, generation, seen_at)
     group by user_id, id
   ), locked as (
     select user_id, id from sessions
     where (user_id, id) in (select user_id, id from receipts) and ended_at is null
     order by user_id, id for no key update
   )
   update sessions
   set confirmed_generation = greatest(confirmed_generation, least(receipts.generation, sessions.generation)),
       last_seen_at = greatest(last_seen_at, seen_at)
   from receipts join locked using (user_id, id)
   where sessions.user_id = receipts.user_id and sessions.id = receipts.id`,
)
const CONFIRM_BATCH = 1_000

const runsOutAt: RawBuilder<Date> = sql`least(idle_expires_at, expires_at)`

export class PostgresSessions implements Sessions, SessionsInTransaction {
  readonly #db: Database
  readonly #rotations: SessionRotations

  /** `onRefresh` is told how many sessions each statement of refreshes is for. */
  constructor(db: Database, onRefresh?: (sessions: number) => void) {
    this.#db = db
    this.#rotations = new SessionRotations(db, onRefresh)
  }

  async find(userId: UserId, id: SessionId): Promise<SessionOfUser | undefined> {
    const { rows } = await this.#db.executeQuery(CompiledQuery.raw(FIND, [userId, id]))
    const row = rows[0] as
      (UserRow & SessionRow & { user_created_at: Date; user_roles: string[] }) | undefined
    if (row === undefined) return undefined
    const own = { id: row.user_id, created_at: row.user_created_at, roles: row.user_roles }
    const user = toUser({ ...row, ...own })
    return { session: toSession({ ...row, id: String(row.id) }), user }
  }

  rotate(rotation: Rotation): Promise<Session | undefined> {
    return this.#rotations.rotate(rotation)
  }

  async usersOf(ids: readonly SessionId[]): Promise<ReadonlyMap<SessionId, UserId>> {
    if (ids.length === 0) return new Map()
    const rows = await this.#db
      .selectFrom('sessions')
      .select(['id', 'user_id'])
      // As text, since that is how they are indexed.
      .where(sql`id::text`, 'in', ids)
      .execute()
    return new Map(rows.map(({ id, user_id }) => [id as SessionId, user_id as UserId]))
  }

  async countLive(userIds: readonly UserId[], now: Date): Promise<ReadonlyMap<UserId, number>> {
    if (userIds.length === 0) return new Map()
    const rows = await this.#db
      .selectFrom('sessions')
      .select(['user_id', sql<number>`count(*)`.as('count')])
      .where('user_id', 'in', userIds)
      .where('ended_at', 'is', null)
      .where(runsOutAt, '>', now)
      .groupBy('user_id')
      .execute()
    return new Map(rows.map(({ user_id, count }) => [user_id as UserId, count]))
  }

  async listAll(userId: UserId): Promise<readonly Session[]> {
    const rows = await this.#db
      .selectFrom('sessions')
      .selectAll()
      .where('user_id', '=', userId)
      .orderBy('created_at', 'desc')
      .orderBy('id', 'desc')
      .execute()
    return rows.map(toSession)
  }

  async listLive(userId: UserId, now: Date): Promise<readonly Session[]> {
    const rows = await this.#live(userId, now).orderBy('created_at', 'desc').orderBy('id', 'desc').execute()
    return rows.map(toSession)
  }

  async confirm(receipts: readonly Receipt[]): Promise<void> {
    for (let start = 0; start < receipts.length; start += CONFIRM_BATCH) {
      const batch = receipts.slice(start, start + CONFIRM_BATCH)
      const columns = [
        batch.map(({ userId }) => userId),
        batch.map(({ sessionId }) => sessionId),
        batch.map(({ generation }) => generation),
        batch.map(({ seenAt }) => seenAt),
      ]
      await this.#db.executeQuery(CompiledQuery.raw(CONFIRM, columns))
    }
  }

  async lock(userId: UserId, id: SessionId): Promise<Session | undefined> {
    const row = await this.#db
      .selectFrom('sessions')
      .selectAll()
      .where('user_id', '=', userId)
      .where('id', '=', id)
      .forNoKeyUpdate()
      .executeTakeFirst()
    return row && toSession(row)
  }

  async lockLive(userId: UserId, now: Date): Promise<readonly Session[]> {
    const rows = await this.#live(userId, now).orderBy('id').forNoKeyUpdate().execute()
    return rows.map(toSession)
  }

  async add(session: Session): Promise<void> {
    await this.#db.insertInto('sessions').values(fromSession(session)).execute()
  }

  async saveEnded(sessions: readonly Session[]): Promise<readonly Session[]> {
    const saved: Session[] = []
    for (const { userId, id, endedAt, endReason } of sessions) {
      const row = await this.#db
        .updateTable('sessions')
        .set({ ended_at: endedAt ?? null, end_reason: endReason ?? null })
        .where('user_id', '=', userId)
        .where('id', '=', id)
        .where('ended_at', 'is', null)
        .returningAll()
        .executeTakeFirst()
      if (row !== undefined) saved.push(toSession(row))
    }
    return saved
  }

  async saveRoles(userId: UserId, roles: readonly string[]): Promise<readonly Session[]> {
    // In the order in which everybody locks sessions; the update alone has none.
    await this.#notEnded(userId).select('id').orderBy('id').forNoKeyUpdate().execute()
    const rows = await this.#db
      .updateTable('sessions')
      .set({ roles: [...roles] })
      .where('user_id', '=', userId)
      .where('ended_at', 'is', null)
      .returningAll()
      .execute()
    return rows.map(toSession)
  }

  async forgetDevices(userId: UserId): Promise<void> {
    await this.#db
      .updateTable('sessions')
      .set({ device_id: null, device_name: '', user_agent: '', address: '0.0.0.0' })
      .where('user_id', '=', userId)
      .execute()
  }

  async lockRunOut(now: Date, limit: number): Promise<readonly Session[]> {
    await this.#postponeChecks(now, limit)
    const runOut = await this.#due(now, limit).where(runsOutAt, '<=', now).select(['user_id', 'id']).execute()
    const users = await this.#db
      .selectFrom('users')
      .select('id')
      .where('id', 'in', [0, ...runOut.map(({ user_id }) => user_id)])
      .orderBy('id')
      .forNoKeyUpdate()
      .skipLocked()
      .execute()
    const rows = await this.#due(now, limit)
      .selectAll()
      .where(runsOutAt, '<=', now)
      .where('user_id', 'in', [0, ...users.map(({ id }) => id)])
      .forNoKeyUpdate()
      .skipLocked()
      .execute()
    return rows.map(toSession)
  }

  /** Sessions whose check is due, but that were refreshed since: the check moves to when they run out now. */
  async #postponeChecks(now: Date, limit: number): Promise<void> {
    const refreshed = this.#due(now, limit)
      .select(['user_id', 'id'])
      .where(runsOutAt, '>', now)
      .forNoKeyUpdate()
      .skipLocked()
    await this.#db
      .with('refreshed', () => refreshed)
      .updateTable('sessions')
      .from('refreshed')
      .set({ check_after: runsOutAt })
      .whereRef('sessions.user_id', '=', 'refreshed.user_id')
      .whereRef('sessions.id', '=', 'refreshed.id')
      .execute()
  }

  #due(now: Date, limit: number) {
    return this.#db
      .selectFrom('sessions')
      .where('ended_at', 'is', null)
      .where('check_after', '<=', now)
      .orderBy('check_after')
      .limit(limit)
  }

  #live(userId: UserId, now: Date) {
    return this.#notEnded(userId).selectAll().where(runsOutAt, '>', now)
  }

  #notEnded(userId: UserId) {
    return this.#db.selectFrom('sessions').where('user_id', '=', userId).where('ended_at', 'is', null)
  }
}
