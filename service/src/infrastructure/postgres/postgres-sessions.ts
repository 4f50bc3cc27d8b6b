import { sql } from 'kysely'
import type {
  LiveSessionsPage,
  LiveSessionsQuery,
  Receipt,
  Rotation,
  SessionKey,
  SessionOfUser,
  Sessions,
  SessionsInTransaction,
} from '../../application/ports/sessions.ts'
import type { Session, SessionId } from '../../domain/session.ts'
import type { UserId } from '../../domain/user.ts'
import { onlyRow } from './affected-rows.ts'
import { confirmReceipts } from './confirm-receipts.ts'
import type { Database } from './database.ts'
import { findSession } from './find-session.ts'
import { fromLastPlace, fromSession, toSession } from './rows.ts'
import { lockExpiredSessions, SESSION_EXPIRY } from './expired-sessions.ts'
import { lockLiveSessionsAfter, lockSessions } from './locked-sessions.ts'
import { SessionRotations } from './session-rotations.ts'

export class PostgresSessions implements Sessions, SessionsInTransaction {
  readonly #db: Database
  readonly #rotations: SessionRotations

  /** `onRefresh` gets the number of sessions that each refresh statement is for. */
  constructor(db: Database, onRefresh?: (sessions: number) => void) {
    this.#db = db
    this.#rotations = new SessionRotations(db, onRefresh)
  }

  find(userId: UserId, id: SessionId): Promise<SessionOfUser | undefined> {
    return findSession(this.#db, userId, id)
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

  async countAllLive(now: Date): Promise<number> {
    const { count } = await this.#db
      .selectFrom('sessions')
      .select(sql<number>`count(*)::int`.as('count'))
      .where('ended_at', 'is', null)
      .where(SESSION_EXPIRY, '>', now)
      .executeTakeFirstOrThrow()
    return count
  }

  async countLive(userIds: readonly UserId[], now: Date): Promise<ReadonlyMap<UserId, number>> {
    if (userIds.length === 0) return new Map()
    const rows = await this.#db
      .selectFrom('sessions')
      .select(['user_id', sql<number>`count(*)`.as('count')])
      .where('user_id', 'in', userIds)
      .where('ended_at', 'is', null)
      .where(SESSION_EXPIRY, '>', now)
      .groupBy('user_id')
      .execute()
    return new Map(rows.map(({ user_id, count }) => [user_id as UserId, count]))
  }

  async page(userId: UserId, last: SessionId | undefined, limit: number): Promise<readonly Session[]> {
    const rows = await this.#db
      .selectFrom('sessions')
      .selectAll()
      .where('user_id', '=', userId)
      .$if(last !== undefined, (query) => query.where('id', '<', last ?? ''))
      // By the primary key: ids grow with time, and no page needs a sort.
      .orderBy('id', 'desc')
      .limit(limit)
      .execute()
    return rows.map(toSession)
  }

  async listLive(userId: UserId, now: Date): Promise<readonly Session[]> {
    const rows = await this.#live(userId, now).orderBy('created_at', 'desc').orderBy('id', 'desc').execute()
    return rows.map(toSession)
  }

  confirm(receipts: readonly Receipt[]): Promise<number> {
    return confirmReceipts(this.#db, receipts)
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

  lockAll(keys: readonly SessionKey[]): Promise<readonly Session[]> {
    return lockSessions(this.#db, keys)
  }

  lockLiveAfter(query: LiveSessionsQuery): Promise<LiveSessionsPage> {
    return lockLiveSessionsAfter(this.#db, query)
  }

  async isNewPlace(
    userId: UserId,
    { deviceId, network }: { deviceId: string | undefined; network: string },
  ): Promise<boolean> {
    const { rows } = await sql<{ is_new: boolean }>`
      select exists (select from sessions where user_id = ${userId})
        and not exists (
          select from sessions
          where user_id = ${userId} and (device_id = ${deviceId ?? null} or address <<= ${network}::inet)
        ) as is_new`.execute(this.#db)
    return onlyRow(rows).is_new
  }

  async add(session: Session): Promise<void> {
    await this.#db.insertInto('sessions').values(fromSession(session)).execute()
  }

  async saveRefreshed(session: Session): Promise<void> {
    await this.#db
      .updateTable('sessions')
      .set({
        generation: session.generation,
        oldest_generation: session.oldestGeneration,
        refreshed_at: session.refreshedAt,
        idle_expires_at: session.idleExpiresAt,
        auth_time: session.authTime,
        amr: [...session.amr],
        ...fromLastPlace(session),
      })
      .where('user_id', '=', session.userId)
      .where('id', '=', session.id)
      .execute()
  }

  async saveEnded(sessions: readonly Session[]): Promise<readonly Session[]> {
    if (sessions.length === 0) return []
    const rows = await this.#db
      .updateTable('sessions')
      .from(endsOf(sessions).as('ends'))
      .set((row) => ({ ended_at: row.ref('ends.at'), end_reason: row.ref('ends.reason') }))
      .whereRef('sessions.user_id', '=', 'ends.user_id')
      .whereRef('sessions.id', '=', 'ends.session_id')
      .where('sessions.ended_at', 'is', null)
      .returningAll('sessions')
      .execute()
    const saved = new Map(rows.map(toSession).map((session) => [keyOf(session), session]))
    return sessions.map((session) => saved.get(keyOf(session))).filter((session) => session !== undefined)
  }

  async saveRoles(userId: UserId, roles: readonly string[]): Promise<readonly Session[]> {
    // In the order in which every transaction locks sessions; the update alone has no order.
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
      .set({
        device_id: null,
        device_name: '',
        user_agent: '',
        address: '0.0.0.0',
        last_user_agent: null,
        last_address: null,
      })
      .where('user_id', '=', userId)
      .execute()
  }

  lockExpired(now: Date, limit: number): Promise<readonly Session[]> {
    return lockExpiredSessions(this.#db, now, limit)
  }

  #live(userId: UserId, now: Date) {
    return this.#notEnded(userId).selectAll().where(SESSION_EXPIRY, '>', now)
  }

  #notEnded(userId: UserId) {
    return this.#db.selectFrom('sessions').where('user_id', '=', userId).where('ended_at', 'is', null)
  }
}

/** The ends of the sessions as rows. */
const endsOf = (sessions: readonly Session[]) =>
  sql<{ user_id: number; session_id: string; at: Date; reason: string }>`(
    select * from unnest(
      ${sessions.map(({ userId }) => userId)}::bigint[], ${sessions.map(({ id }) => id)}::uuid[],
      ${sessions.map(({ endedAt }) => endedAt ?? null)}::timestamptz[],
      ${sessions.map(({ endReason }) => endReason ?? null)}::text[]
    ) as ends (user_id, session_id, at, reason))`

const keyOf = ({ userId, id }: Session): string => `${userId} ${id}`
