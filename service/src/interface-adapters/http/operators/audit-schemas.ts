import { z } from 'zod'
import type { AuditPage } from '../../../application/audit/list-audit-entries.ts'
import type { AuditQuery, RecordedEntry } from '../../../application/ports/audit-log.ts'
import { parseActor } from '../../../domain/actor.ts'
import { AUDIT_ACTIONS } from '../../../domain/audit-action.ts'
import { parseUserId } from '../../../domain/user.ts'
import { addressFilter } from '../address-filter.ts'
import { cursor, nextCursor, nextCursorOf, startOfPage } from '../audit-cursor.ts'
import { nullableText } from '../nullable-text.ts'
import { pageSize } from '../page-size.ts'
import { timeField } from '../time-field.ts'

const TIME = '2026-01-31T12:00:00.000Z'
const actor = 'Who did it: `user:ID`, `service:NAME` (a service key) or `system`.'

export const auditQuery = z.strictObject({
  user_id: z
    .string()
    .refine((text) => parseUserId(text) !== undefined)
    .optional()
    .meta({ description: 'The user whom the entries concern.', examples: ['17'] }),
  actor: z
    .string()
    .refine((text) => parseActor(text) !== undefined)
    .optional()
    .meta({ description: actor, examples: ['service:ops'] }),
  action: z
    .enum(AUDIT_ACTIONS)
    .optional()
    .meta({ description: 'The kind of change.', examples: ['session.created'] }),
  ip: z
    .string()
    .refine((text) => addressFilter(text) !== undefined)
    .optional()
    .meta({
      description: 'The address of the request, or a network in CIDR form.',
      examples: ['203.0.113.0/24'],
    }),
  from: timeField('Only entries of this time and later. RFC 3339.').optional(),
  to: timeField('Only entries before this time. RFC 3339.').optional(),
  limit: pageSize('entries', { maximum: 200, standard: 50 }),
  cursor,
})

/** The query of the application for a query of the API. */
export const queryOf = (asked: z.infer<typeof auditQuery>): AuditQuery => ({
  subject: parseUserId(asked.user_id),
  actor: read(asked.actor, parseActor),
  action: asked.action,
  ip: read(asked.ip, addressFilter),
  since: read(asked.from, (text) => new Date(text)),
  until: read(asked.to, (text) => new Date(text)),
  before: startOfPage(asked.cursor),
  limit: asked.limit,
})

const read = <T>(text: string | undefined, parse: (text: string) => T): T | undefined =>
  text === undefined ? undefined : parse(text)

const auditEntry = z
  .object({
    id: z.string().meta({ examples: ['4711'] }),
    at: z.iso.datetime().meta({ examples: [TIME] }),
    actor: nullableText('user:17', `${actor} Null for an attempt by somebody who is not signed in.`),
    action: z.string().meta({ examples: ['session.created'] }),
    user_id: z
      .int()
      .nullable()
      .meta({ description: 'The user whom it concerns; null if there is none.', examples: [17] }),
    session_id: nullableText(
      '019bd0a4-5a3c-7c7e-9a53-1c7f5a1f7e11',
      'The session that it concerns, or the one in which it was done; null if there is none.',
    ),
    ip: nullableText('203.0.113.7', 'Null if no request did it, or if the user has been deleted since.'),
    user_agent: nullableText('Mozilla/5.0', 'Null as for `ip`.'),
    request_id: nullableText(
      '7c1f0e5a-0c4a-4e7a-9a53-1c7f5a1f7e11',
      'The request in the log of the service; null if no request did it.',
    ),
    result: z
      .string()
      .meta({ description: '`success`, or the code of the error that refused it.', examples: ['success'] }),
    data: z.record(z.string(), z.unknown()).meta({
      description:
        'More about this action, as in the event of this type. Empty if the user has been deleted since.',
      examples: [{ device_name: 'Firefox on Linux' }],
    }),
  })
  .meta({ id: 'AuditEntry', description: 'Who did what to whom, when and from where.' })

export const auditEntryList = z
  .object({ items: z.array(auditEntry), next_cursor: nextCursor })
  .meta({ id: 'AuditEntryList' })

export const pageBody = ({ items, next }: AuditPage) => ({
  items: items.map(entryBody),
  next_cursor: nextCursorOf(next),
})

const entryBody = (entry: RecordedEntry) => ({
  id: String(entry.id),
  at: entry.at.toISOString(),
  actor: entry.actor ?? null,
  action: entry.action,
  user_id: entry.subject ?? null,
  session_id: entry.session ?? null,
  ip: entry.ip ?? null,
  user_agent: entry.userAgent ?? null,
  request_id: entry.requestId ?? null,
  result: entry.result,
  data: entry.data,
})
