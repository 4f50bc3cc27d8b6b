import type { Counter, Meter } from '@opentelemetry/api'
import type { IgnoredSightings } from '../../application/sessions/note-receipts.ts'
import type { ReceiptBuffer } from '../../application/sessions/receipt-buffer.ts'
import type { UseCases } from '../../application/use-cases.ts'

/** Counts the receipts that were noted, and those that were ignored. */
export class ReceiptMetrics {
  readonly #noted: Counter
  readonly #ignored: Counter<{ cause: keyof IgnoredSightings | 'ahead' }>

  constructor(meter: Meter) {
    this.#noted = meter.createCounter('chat_auth_receipts', {
      description: 'Uses of access tokens noted by this service or reported by other services',
    })
    this.#ignored = meter.createCounter('chat_auth_receipts_ignored', {
      description: 'Reported uses of access tokens that change nothing, by cause',
    })
    this.#noted.add(0)
    for (const cause of ['no_proof', 'wrong_proof', 'ahead'] as const) this.#ignored.add(0, { cause })
  }

  observeBuffer(receipts: ReceiptBuffer): ReceiptBuffer {
    return {
      add: (receipt) => {
        this.#noted.add(1)
        receipts.add(receipt)
      },
      flush: async () => {
        const ahead = await receipts.flush()
        this.#ignored.add(ahead, { cause: 'ahead' })
        return ahead
      },
    }
  }

  observeUseCases(useCases: UseCases): UseCases {
    return {
      ...useCases,
      noteReceipts: async (sightings) => {
        const ignored = await useCases.noteReceipts(sightings)
        for (const cause of ['no_proof', 'wrong_proof'] as const) this.#ignored.add(ignored[cause], { cause })
        return ignored
      },
    }
  }
}
