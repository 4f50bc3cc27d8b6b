import type { Session, SessionId } from '../../domain/session.ts'
import type { User, UserId } from '../../domain/user.ts'

/** The step from one generation to the next. */
export interface Rotation {
  readonly userId: UserId
  readonly sessionId: SessionId
  readonly generation: number
  readonly now: Date
  /** A refreshed session may rest so long, but never past its absolute limit. */
  readonly idleSeconds: number
}

/** Proof that somebody holds the tokens of a generation. */
export interface Receipt {
  readonly userId: UserId
  readonly sessionId: SessionId
  readonly generation: number
  readonly seenAt: Date
}

export interface SessionOfUser {
  readonly session: Session
  readonly user: User
}

export interface Sessions {
  /** The session with its user, live or not; undefined when there is none of that id for that user. */
  find(userId: UserId, id: SessionId): Promise<SessionOfUser | undefined>

  /**
   * Moves a live session that is still at `generation` to the next one, as one atomic step: of parallel calls
   * for one generation exactly one succeeds. Answers undefined, and changes nothing, otherwise.
   */
  rotate(rotation: Rotation): Promise<Session | undefined>

  /** Whose sessions those are, as far as they are known. */
  usersOf(ids: readonly SessionId[]): Promise<ReadonlyMap<SessionId, UserId>>

  /** How many live sessions each of them has; those without any may be left out. */
  countLive(userIds: readonly UserId[], now: Date): Promise<ReadonlyMap<UserId, number>>

  /** All that is kept of the user's sessions, ended ones too, newest first. */
  listAll(userId: UserId): Promise<readonly Session[]>

  /** Live sessions, newest first. */
  listLive(userId: UserId, now: Date): Promise<readonly Session[]>

  /**
   * Raises `confirmedGeneration` and `lastSeenAt` to what the receipts show, never lowers them, and never past
   * the session's own generation. Receipts of unknown or ended sessions change nothing.
   */
  confirm(receipts: readonly Receipt[]): Promise<void>
}

/** The sessions inside a transaction; the caller holds the user's lock. */
export interface SessionsInTransaction {
  /** As Sessions.find, but no refresh passes until the transaction ends. */
  lock(userId: UserId, id: SessionId): Promise<Session | undefined>

  /** All live sessions of the user, held like `lock` does. */
  lockLive(userId: UserId, now: Date): Promise<readonly Session[]>

  add(session: Session): Promise<void>

  /** Writes the end of the sessions; answers those that were not ended before. */
  saveEnded(sessions: readonly Session[]): Promise<readonly Session[]>

  /**
   * Writes the roles of all the user's sessions that have not ended, and answers them, held like `lock` does: a refresh
   * that was under way is counted in their generations, one that waits goes on with these roles.
   */
  saveRoles(userId: UserId, roles: readonly string[]): Promise<readonly Session[]>

  /** Forgets where the user's sessions were, ended ones too, as `forgetDevice` says. */
  forgetDevices(userId: UserId): Promise<void>

  /**
   * Up to `limit` sessions that have run out and are not marked so, of users nobody else holds at the moment,
   * held together with their users.
   */
  lockRunOut(now: Date, limit: number): Promise<readonly Session[]>
}
