import type { Actor } from '../../domain/actor.ts'
import type { SessionId } from '../../domain/session.ts'
import type { UserId } from '../../domain/user.ts'

/** Where a request came from. */
export interface RequestOrigin {
  readonly ip: string
  readonly userAgent: string
  readonly requestId: string
  /** The session of the caller, if the caller has one. */
  readonly session: SessionId | undefined
}

/** Who did what to whom. Never holds a secret, a password or a token. */
export interface AuditEntry {
  readonly at: Date
  /** Undefined for an attempt by somebody who is not signed in. */
  readonly actor?: Actor | undefined
  readonly action: string
  /** The user whom it concerns. */
  readonly subject?: UserId | undefined
  /** The session that it concerns, or else the one in which it was done. */
  readonly session?: SessionId | undefined
  readonly ip?: string | undefined
  readonly userAgent?: string | undefined
  readonly requestId?: string | undefined
  /** `success`, or the code of the refusal. */
  readonly result: string
  readonly data: Readonly<Record<string, unknown>>
}

/** A place in the log, between two entries. */
export interface AuditCursor {
  readonly at: Date
  readonly id: number
}

export type RecordedEntry = AuditEntry & AuditCursor

export interface AuditQuery {
  readonly subject?: UserId | undefined
  readonly actor?: Actor | undefined
  readonly action?: string | undefined
  /** An address, or a network in CIDR form. */
  readonly ip?: string | undefined
  /** Included. */
  readonly since?: Date | undefined
  /** Not included. */
  readonly until?: Date | undefined
  /** Only entries before it. */
  readonly before?: AuditCursor | undefined
  readonly limit: number
}

/**
 * The audit log. Append only. Every event of the outbox is an entry too, written by the outbox in the same transaction, so
 * that no change can go unrecorded.
 */
export interface AuditLog {
  /** The matching entries, newest first. */
  page(query: AuditQuery): Promise<readonly RecordedEntry[]>

  /** Adds entries in one statement. An entry about or by a user who was deleted meanwhile loses what identifies them. */
  add(entries: readonly AuditEntry[]): Promise<void>
}

export interface AuditInTransaction {
  /**
   * Removes what identifies the user: address and browser from what they did and what concerns them, and the data of what
   * concerns them. The caller holds the user's lock and adds no events after it.
   */
  forget(userId: UserId): Promise<void>
}
