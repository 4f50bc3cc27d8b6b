import { z } from 'zod'
import type { AuditCursor } from '../../application/ports/audit-log.ts'
import { isInCommonEra } from './time-field.ts'
import { opaqueCursor } from './opaque-cursor.ts'

const content = z.tuple([z.int(), z.int().positive()])

function read(value: unknown): AuditCursor | undefined {
  const { success, data } = content.safeParse(value)
  if (!success) return undefined
  const at = new Date(data[0])
  return isInCommonEra(at) ? { at, id: data[1] } : undefined
}

export const { cursor, nextCursor, nextCursorOf, startOfPage } = opaqueCursor<AuditCursor>(
  { read, write: ({ at, id }) => [+at, id] },
  { at: new Date('2026-01-31T12:00:00.000Z'), id: 4711 },
)
