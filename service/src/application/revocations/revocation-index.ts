import type { SessionId } from '../../domain/session.ts'
import type { LoggedRevocation } from '../ports/revocation-log.ts'

interface Entry {
  /** An end, or else the cut-off at the highest generation. */
  strongest: LoggedRevocation
  rows: number
}

/** By session, the row that refuses the most of its tokens, as long as any row about the session is known. */
export class RevocationIndex {
  readonly #entries = new Map<SessionId, Entry>()

  add(row: LoggedRevocation): void {
    const entry = this.#entries.get(row.sessionId)
    if (entry === undefined) {
      this.#entries.set(row.sessionId, { strongest: row, rows: 1 })
      return
    }
    entry.rows += 1
    if (reachOf(row) > reachOf(entry.strongest)) entry.strongest = row
  }

  /** Removes a row that was added, because its tokens have expired. */
  remove({ sessionId }: LoggedRevocation): void {
    const entry = this.#entries.get(sessionId)
    if (entry === undefined) return
    entry.rows -= 1
    if (entry.rows === 0) this.#entries.delete(sessionId)
  }

  find(sessionId: SessionId): LoggedRevocation | undefined {
    return this.#entries.get(sessionId)?.strongest
  }
}

const reachOf = ({ upToGeneration }: LoggedRevocation): number => upToGeneration ?? Infinity
