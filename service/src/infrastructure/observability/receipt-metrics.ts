import type { Meter } from '@opentelemetry/api'
import type { ReceiptBuffer } from '../../application/sessions/receipt-buffer.ts'

/** The same buffer; what is added to it is counted. */
export function countReceipts(meter: Meter, receipts: ReceiptBuffer): ReceiptBuffer {
  const noted = meter.createCounter('chat_auth_receipts', {
    description: 'Uses of access tokens that were noted, here or by other services',
  })
  noted.add(0)
  return {
    add: (receipt) => {
      noted.add(1)
      receipts.add(receipt)
    },
    flush: () => receipts.flush(),
  }
}
