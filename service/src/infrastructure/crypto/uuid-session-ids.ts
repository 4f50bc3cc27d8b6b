import { v7 } from 'uuid'
import type { SessionIds } from '../../application/ports/session-ids.ts'
import type { SessionId } from '../../domain/session.ts'

export class UuidSessionIds implements SessionIds {
  next(): SessionId {
    return v7() as SessionId
  }
}
