import type { AuditCursor, AuditLog, AuditQuery, RecordedEntry } from '../ports/audit-log.ts'

export interface AuditPage {
  readonly items: readonly RecordedEntry[]
  /** Where the next page begins; undefined after the last. */
  readonly next: AuditCursor | undefined
}

/** A page of the audit log, newest first. */
export const listAuditEntries =
  ({ auditLog }: { auditLog: AuditLog }) =>
  async (query: AuditQuery): Promise<AuditPage> => {
    // One entry more than requested shows whether there is another page.
    const found = await auditLog.page({ ...query, limit: query.limit + 1 })
    const items = found.slice(0, query.limit)
    return { items, next: found.length > query.limit ? items.at(-1) : undefined }
  }
