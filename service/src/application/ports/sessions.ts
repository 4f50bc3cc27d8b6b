import type { Place } from '../../domain/device.ts'
import type { Period, Session, SessionId } from '../../domain/session.ts'
import type { User, UserId } from '../../domain/user.ts'

/** The step from one generation to the next. */
export interface Rotation {
  readonly userId: UserId
  readonly sessionId: SessionId
  readonly generation: number
  readonly now: Date
  /** How long the session may stay unrefreshed. The absolute limit still applies. */
  readonly idleSeconds: number
  readonly from: Place
}

/** Proof that the tokens of a generation were received: its access token was used. */
export interface Receipt {
  readonly userId: UserId
  readonly sessionId: SessionId
  readonly generation: number
  readonly seenAt: Date
}

export interface SessionKey {
  readonly userId: UserId
  readonly id: SessionId
}

/** Asks for live sessions of any users, page by page. */
export interface LiveSessionsQuery {
  /** Where the page begins: after this session, which need not exist. Undefined for the first page. */
  readonly after: SessionKey | undefined
  readonly now: Date
  /** Sessions that began in it are left out. */
  readonly except: Period | undefined
  readonly limit: number
}

export interface LiveSessionsPage {
  readonly sessions: readonly Session[]
  /** The `after` of the next page; undefined if no session is left. A page in between may be empty. */
  readonly next: SessionKey | undefined
}

export interface SessionOfUser {
  readonly session: Session
  readonly user: User
}

export interface Sessions {
  /** The session, live or not, with its user. Undefined if this user has no session with this id. */
  find(userId: UserId, id: SessionId): Promise<SessionOfUser | undefined>

  /**
   * Moves a live session from `generation` to the next one, in one atomic step. Of parallel calls for one generation
   * exactly one succeeds. The others return undefined and change nothing.
   */
  rotate(rotation: Rotation): Promise<Session | undefined>

  /** The user of each session. Unknown sessions are left out. */
  usersOf(ids: readonly SessionId[]): Promise<ReadonlyMap<SessionId, UserId>>

  /** The number of live sessions of all users together. */
  countAllLive(now: Date): Promise<number>

  /** The number of live sessions of each user. Users without one may be left out. */
  countLive(userIds: readonly UserId[], now: Date): Promise<ReadonlyMap<UserId, number>>

  /**
   * One page of the stored sessions of the user, ended ones included, newest first by their ids: at most `limit` after the
   * session `last`, or the first ones if it is undefined. A user may have tens of thousands.
   */
  page(userId: UserId, last: SessionId | undefined, limit: number): Promise<readonly Session[]>

  /** Live sessions, newest first. */
  listLive(userId: UserId, now: Date): Promise<readonly Session[]>

  /**
   * Raises `confirmedGeneration` and `lastSeenAt` to the values of the receipts. It never lowers them. Receipts of unknown or
   * ended sessions change nothing, and neither do those above the session's generation. Returns how many were above it.
   */
  confirm(receipts: readonly Receipt[]): Promise<number>
}

/** The sessions inside a transaction; the caller holds the user's lock. */
export interface SessionsInTransaction {
  /** As `Sessions.find`. Blocks refreshes of the session until the transaction ends. */
  lock(userId: UserId, id: SessionId): Promise<Session | undefined>

  /** All live sessions of the user, locked as by `lock`. */
  lockLive(userId: UserId, now: Date): Promise<readonly Session[]>

  /** Locks these sessions and their users. Unknown sessions are left out. */
  lockAll(keys: readonly SessionKey[]): Promise<readonly Session[]>

  /** Locks a page of live sessions with their users, in the order of users and ids. */
  lockLiveAfter(query: LiveSessionsQuery): Promise<LiveSessionsPage>

  /**
   * Whether the user has stored sessions, ended ones included, none of which was signed in from this network or with this
   * device id.
   */
  isNewPlace(userId: UserId, from: { deviceId: string | undefined; network: string }): Promise<boolean>

  add(session: Session): Promise<void>

  /** Writes what a refresh, a roll forward or a renewal changes (see domain/session.ts). The session is locked. */
  saveRefreshed(session: Session): Promise<void>

  /** Writes the end of the sessions and returns those that were not ended before. */
  saveEnded(sessions: readonly Session[]): Promise<readonly Session[]>

  /**
   * Writes the roles of all the user's sessions that have not ended. Returns these sessions, locked as by `lock`. Their
   * generations include a refresh that was in progress. A refresh that waited for the lock issues the new roles.
   */
  saveRoles(userId: UserId, roles: readonly string[]): Promise<readonly Session[]>

  /** Removes the device data of the user's sessions, ended ones included (see `forgetDevice`). */
  forgetDevices(userId: UserId): Promise<void>

  /**
   * Locks up to `limit` sessions that have expired and are not marked as ended, with their users. Skips users that
   * another transaction has locked.
   */
  lockExpired(now: Date, limit: number): Promise<readonly Session[]>
}
