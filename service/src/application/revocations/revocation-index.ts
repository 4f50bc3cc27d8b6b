import type { SessionId } from '../../domain/session.ts'
import type { LoggedRevocation } from '../ports/revocation-log.ts'

/** By session, the row that refuses the most of its tokens: an end, or else the cut-off at the highest generation. */
export class RevocationIndex {
  readonly #rows = new Map<SessionId, LoggedRevocation>()

  add(row: LoggedRevocation): void {
    const known = this.#rows.get(row.sessionId)
    if (known === undefined || reachOf(known) <= reachOf(row)) this.#rows.set(row.sessionId, row)
  }

  /** Removes a row whose tokens have all expired. */
  remove(row: LoggedRevocation): void {
    if (this.#rows.get(row.sessionId) === row) this.#rows.delete(row.sessionId)
  }

  find(sessionId: SessionId): LoggedRevocation | undefined {
    return this.#rows.get(sessionId)
  }
}

const reachOf = ({ upToGeneration }: LoggedRevocation): number => upToGeneration ?? Infinity
