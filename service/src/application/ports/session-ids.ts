import type { SessionId } from '../../domain/session.ts'

export interface SessionIds {
  /** A fresh UUIDv7 (RFC 9562), never given twice. */
  next(): SessionId
}
