import type { Meter } from '@opentelemetry/api'
import type { RefusalBuffer } from '../../application/audit/refusal-buffer.ts'

/** Counts refused attempts that are missing in the audit log. */
export function observeRefusals(meter: Meter, refusals: RefusalBuffer): void {
  meter
    .createObservableCounter('chat_auth_audit_entries_dropped', {
      description: 'Refused attempts that are missing in the audit log, because there were too many to write',
    })
    .addCallback((result) => result.observe(refusals.dropped()))
}
