import type { SessionId } from '../../domain/session.ts'

/**
 * Short MACs that only this service can make. An access token carries the proof of its session and generation, so a report
 * with the proof comes from somebody who saw such a token. No I/O: nothing is stored.
 */
export interface ReceiptProofs {
  prove(sessionId: SessionId, generation: number): string

  /** Whether `prove` of any instance returned this text. Takes the same time for every wrong text of that length. */
  verify(sessionId: SessionId, generation: number, proof: string): boolean
}
