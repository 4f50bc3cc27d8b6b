import type { Rotation } from '../../application/ports/sessions.ts'
import { movedTo, refreshSession, secondsAfter, type Session } from '../../domain/session.ts'
import { NamedStatement } from './named-statement.ts'
import { toSession } from './rows.ts'
import type { SessionRow } from './schema.ts'

/**
 * The columns that the rotation itself does not give, and the id, by which a batch finds its rows. Every column costs every
 * refresh.
 */
const RETURNED_COLUMNS = [
  'id',
  'oldest_generation',
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

export type RotatedRow = Pick<SessionRow, (typeof RETURNED_COLUMNS)[number]>

/**
 * The session after the rotation. The statement does not return the times and the place that the rotation replaces, so any
 * value may stand for them.
 */
export function sessionAfter(
  { userId, generation, now, idleSeconds, from }: Rotation,
  row: RotatedRow,
): Session {
  const before = toSession({
    ...row,
    user_id: userId,
    generation,
    refreshed_at: now,
    idle_expires_at: now,
    ended_at: null,
    end_reason: null,
    last_address: null,
    last_user_agent: null,
  })
  return movedTo(refreshSession(before, now, idleSeconds), from)
}

/**
 * A place that is still that of the sign-in is stored as null. So the row keeps its length, and its page has room for it.
 *
 * The guard is in the statement: it matches only the live session at that generation. The roles are the session's own: if
 * the update waits for a change of them, it reads the session's row again, but it would not read the user's row again.
 */
export const ROTATE = new NamedStatement<RotatedRow>(
  'rotate_session',
  `update sessions
   set generation = generation + 1, refreshed_at = $4, idle_expires_at = least($5::timestamptz, expires_at),
     last_address = nullif($6::inet, address), last_user_agent = nullif($7, user_agent)
   where user_id = $1 and id = $2 and generation = $3
     and ended_at is null and idle_expires_at > $4 and expires_at > $4
   returning ${RETURNED_COLUMNS.join(', ')}`,
)

export const rotateParameters = ({ userId, sessionId, generation, now, idleSeconds, from }: Rotation) => [
  userId,
  sessionId,
  generation,
  now,
  secondsAfter(now, idleSeconds),
  from.address,
  from.userAgent,
]

/**
 * The same for many different sessions. Rows that another transaction holds are left out: the statement never waits for a
 * lock while it holds some rows, so it cannot deadlock.
 */
export const ROTATE_MANY = new NamedStatement<RotatedRow>(
  'rotate_sessions',
  `with wanted as (
     select * from unnest(
         $1::bigint[], $2::uuid[], $3::integer[], $4::timestamptz[], $5::timestamptz[], $6::inet[], $7::text[])
       as wanted (user_id, id, generation, now, rests_until, from_address, from_user_agent)
   ), free as (
     select user_id, id from sessions
     where (user_id, id) in (select user_id, id from wanted)
     for no key update skip locked
   )
   update sessions
   set generation = sessions.generation + 1, refreshed_at = now, idle_expires_at = least(rests_until, expires_at),
     last_address = nullif(from_address, address), last_user_agent = nullif(from_user_agent, user_agent)
   from wanted join free using (user_id, id)
   where sessions.user_id = wanted.user_id and sessions.id = wanted.id
     and sessions.generation = wanted.generation
     and ended_at is null and idle_expires_at > now and expires_at > now
   returning ${RETURNED_COLUMNS.map((column) => `sessions.${column}`).join(', ')}`,
)

export const rotateManyParameters = (rotations: readonly Rotation[]) => [
  rotations.map(({ userId }) => userId),
  rotations.map(({ sessionId }) => sessionId),
  rotations.map(({ generation }) => generation),
  rotations.map(({ now }) => now),
  rotations.map(({ now, idleSeconds }) => secondsAfter(now, idleSeconds)),
  rotations.map(({ from }) => from.address),
  rotations.map(({ from }) => from.userAgent),
]
