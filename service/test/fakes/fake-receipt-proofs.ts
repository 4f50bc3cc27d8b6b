import type { ReceiptProofs } from '../../src/application/ports/receipt-proofs.ts'
import type { SessionId } from '../../src/domain/session.ts'

/** Proofs that a test can read and make: `seen <session> <generation>`. */
export class FakeReceiptProofs implements ReceiptProofs {
  prove(sessionId: SessionId, generation: number): string {
    return `seen ${sessionId} ${generation}`
  }

  verify(sessionId: SessionId, generation: number, proof: string): boolean {
    return proof === this.prove(sessionId, generation)
  }
}
