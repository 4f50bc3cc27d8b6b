import { z } from 'zod'
import type { Activity } from '../../../application/audit/activity.ts'
import type { ActivityPage } from '../../../application/users/list-activity.ts'
import { cursor, nextCursor, nextCursorOf, startOfPage } from '../audit-cursor.ts'
import { nullableText } from '../nullable-text.ts'
import { pageSize } from '../page-size.ts'

export const activityQuery = z.object({
  limit: pageSize('entries', { maximum: 100, standard: 50 }),
  cursor,
})

export const pageOf = ({ limit, cursor }: z.infer<typeof activityQuery>) => ({
  limit,
  before: startOfPage(cursor),
})

export const activity = z
  .object({
    id: z.string().meta({ examples: ['4711'] }),
    at: z.iso.datetime().meta({ examples: ['2026-01-31T12:00:00.000Z'] }),
    actor: z
      .enum(['self', 'operator', 'system'])
      .nullable()
      .meta({
        description: 'Who did it. Null for an attempt by somebody who was not signed in.',
        examples: ['self'],
      }),
    action: z
      .string()
      .meta({ description: 'A type of event, or a refused attempt.', examples: ['session.created'] }),
    session_id: nullableText(
      '019bd0a4-5a3c-7c7e-9a53-1c7f5a1f7e11',
      'The session that it concerns, or in which you did it.',
    ),
    ip: nullableText('203.0.113.7', 'The address it came from. Null if the service or an operator did it.'),
    user_agent: nullableText('Mozilla/5.0', 'Null as for `ip`.'),
    result: z
      .string()
      .meta({ description: '`success`, or the code of the error that refused it.', examples: ['success'] }),
    data: z
      .record(z.string(), z.unknown())
      .meta({ description: 'More about this action.', examples: [{ device_name: 'Firefox on Linux' }] }),
  })
  .meta({ id: 'Activity', description: 'Something that happened to your account.' })

export const activityList = z
  .object({ items: z.array(activity), next_cursor: nextCursor })
  .meta({ id: 'ActivityList' })

export const activityBody = (entry: Activity) => ({
  id: String(entry.id),
  at: entry.at.toISOString(),
  actor: entry.actor ?? null,
  action: entry.action,
  session_id: entry.session ?? null,
  ip: entry.ip ?? null,
  user_agent: entry.userAgent ?? null,
  result: entry.result,
  data: entry.data,
})

export const pageBody = ({ items, next }: ActivityPage) => ({
  items: items.map(activityBody),
  next_cursor: nextCursorOf(next),
})
