import type { z } from 'zod'
import type { auditEntryList } from '../http/operators/audit-schemas.ts'
import { pathWithQuery, type Command } from './command.ts'
import { shortText, table, time } from './table.ts'
import { nextPageHint } from './user-commands.ts'

type AuditEntryList = z.infer<typeof auditEntryList>

export interface ListAuditInput {
  readonly user?: string
  readonly actor?: string
  readonly action?: string
  readonly ip?: string
  /** RFC 3339. */
  readonly from?: string
  readonly to?: string
  readonly limit?: number
  readonly cursor?: string
}

export const listAudit =
  ({ user, ...filters }: ListAuditInput): Command =>
  async ({ call }) => {
    const query = { user_id: user, ...filters }
    const list = (await call('GET', pathWithQuery('/v1/audit', query))) as AuditEntryList
    const rows = list.items.map((entry) => [
      time(entry.at),
      entry.actor,
      entry.action,
      entry.user_id,
      entry.ip,
      entry.result,
      shortText(dataText(entry.data)),
    ])
    const headings = ['AT', 'ACTOR', 'ACTION', 'USER', 'IP', 'RESULT', 'DATA']
    return {
      json: list,
      text: table(headings, rows, 'No entries match.') + nextPageHint(list.next_cursor),
    }
  }

const dataText = (data: Readonly<Record<string, unknown>>): string =>
  Object.entries(data)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(' ') || '-'
