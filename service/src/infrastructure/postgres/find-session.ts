import type { SessionOfUser } from '../../application/ports/sessions.ts'
import type { SessionId } from '../../domain/session.ts'
import type { UserId } from '../../domain/user.ts'
import type { Database } from './database.ts'
import { NamedStatement } from './named-statement.ts'
import { toSession, toUser } from './rows.ts'
import { sessionColumns, userColumns, type SessionRow, type UserRow } from './schema.ts'

type FoundRow = Omit<UserRow, 'id'> & SessionRow & { user_created_at: Date; user_roles: string[] }

/** If two columns have the same name, the session's counts, because it comes later. */
const FIND = new NamedStatement<FoundRow>(
  'find_session',
  `select ${userColumns.map((column) => `users.${column}`).join(', ')}, users.created_at as user_created_at,
     users.roles as user_roles,
     ${sessionColumns.map((column) => `sessions.${column}`).join(', ')}
   from sessions join users on users.id = sessions.user_id
   where sessions.user_id = $1 and sessions.id = $2`,
)

/** As `Sessions.find`. */
export async function findSession(
  db: Database,
  userId: UserId,
  id: SessionId,
): Promise<SessionOfUser | undefined> {
  const [row] = await FIND.execute(db, [userId, id])
  if (row === undefined) return undefined
  const user = toUser({ ...row, id: row.user_id, created_at: row.user_created_at, roles: row.user_roles })
  return { session: toSession(row), user }
}
