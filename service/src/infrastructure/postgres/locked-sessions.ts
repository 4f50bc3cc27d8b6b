import { sql } from 'kysely'
import type { LiveSessionsPage, LiveSessionsQuery, SessionKey } from '../../application/ports/sessions.ts'
import type { Session, SessionId } from '../../domain/session.ts'
import type { UserId } from '../../domain/user.ts'
import type { Database } from './database.ts'
import { SESSION_EXPIRY } from './expired-sessions.ts'
import { toSession } from './rows.ts'
import type { SessionRow } from './schema.ts'

/** As `SessionsInTransaction.lockAll`. */
export async function lockSessions(trx: Database, keys: readonly SessionKey[]): Promise<readonly Session[]> {
  if (keys.length === 0) return []
  const userIds = keys.map(({ userId }) => userId)
  await lockUsers(trx, userIds)
  const { rows } = await sql<SessionRow>`
    select * from sessions
    where (user_id, id) in (
      select * from unnest(${userIds}::bigint[], ${keys.map(({ id }) => id)}::uuid[])
    )
    order by user_id, id for no key update`.execute(trx)
  return rows.map(toSession)
}

/** As `SessionsInTransaction.lockLiveAfter`. */
export async function lockLiveSessionsAfter(
  trx: Database,
  { after, now, except, limit }: LiveSessionsQuery,
): Promise<LiveSessionsPage> {
  const live = trx
    .selectFrom('sessions')
    .where('ended_at', 'is', null)
    .where(SESSION_EXPIRY, '>', now)
    .$if(after !== undefined, (query) =>
      query.where(sql<boolean>`(user_id, id) > (${after?.userId}::bigint, ${after?.id}::uuid)`),
    )
    .$if(except !== undefined, (query) =>
      query.where(sql<boolean>`not (created_at > ${except?.after} and created_at <= ${except?.until})`),
    )
    .orderBy('user_id')
    .orderBy('id')
    .limit(limit)
  const found = (await live.select(['user_id', 'id']).execute()).map(toKey)
  const userIds = found.map(({ userId }) => userId)
  if (userIds.length === 0) return { sessions: [], next: undefined }
  await lockUsers(trx, userIds)
  // Read again under the locks. If sessions ended or started in between, the page is another one.
  const rows = await live.selectAll().where('user_id', 'in', userIds).forNoKeyUpdate().execute()
  // All of these may have ended in between, with others left behind them.
  return { sessions: rows.map(toSession), next: rows.map(toKey).at(-1) ?? found.at(-1) }
}

const toKey = ({ user_id: userId, id }: Pick<SessionRow, 'user_id' | 'id'>): SessionKey => ({
  userId: userId as UserId,
  id: id as SessionId,
})

/** In the order in which every transaction locks users. */
async function lockUsers(trx: Database, ids: readonly number[]): Promise<void> {
  await sql`select from users where id = any(${ids}::bigint[]) order by id for no key update`.execute(trx)
}
