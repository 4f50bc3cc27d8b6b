import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startTicket } from '../../../src/domain/ticket.ts'
import type { UserId } from '../../../src/domain/user.ts'
import { at, sessionId } from '../../support/builders.ts'
import { openEmbedded, openOnServer, type PostgresStore } from './open-store.ts'

const PAGE = 'https://chat.example.org'

describe.each([
  ['PGlite', openEmbedded],
  ['PostgreSQL', () => openOnServer()],
])('tickets on %s', (_, open) => {
  let store: PostgresStore

  beforeAll(async () => {
    store = await open()
  })
  beforeEach(() => store.clear())
  afterAll(() => store.close())

  const add = () => {
    const bearer = { userId: 1 as UserId, sessionId: sessionId(1), generation: 0, origin: PAGE }
    return store.tickets.add(startTicket({ ...bearer, issuedAt: at(0), tokenExpiresAt: at(600) }, at(0)))
  }

  test('ticket names have 256 random bits', { tags: ['TOKEN-14'] }, async () => {
    const names = await Promise.all(Array.from({ length: 50 }, () => add()))
    for (const name of names) expect(name).toMatch(/^[\w-]{43}$/)
    expect(new Set(names).size).toBe(50)
    // If all bytes are random, a byte has each value in about one of 256 names.
    const bytes = names.map((name) => [...Buffer.from(name, 'base64url')])
    for (let index = 0; index < 32; index += 1) {
      expect(new Set(bytes.map((name) => name[index])).size).toBeGreaterThan(20)
    }
  })

  test(
    'a ticket cannot be taken with anything that is stored in the table',
    { tags: ['TOKEN-14'] },
    async () => {
      const name = await add()
      const rows = await store.db.selectFrom('tickets').selectAll().execute()
      expect(rows).toHaveLength(1)
      const kept = Object.values(rows[0] ?? {}).flatMap((value) =>
        Buffer.isBuffer(value)
          ? (['hex', 'base64', 'base64url', 'latin1', 'utf8'] as const).map((form) => value.toString(form))
          : [String(value), JSON.stringify(value)],
      )
      expect(kept.join('\n')).not.toContain(name)
      const tried = kept.flatMap((text) => [text, `\\x${text}`, text.toUpperCase(), text.replace(/=+$/, '')])
      for (const text of tried) expect(await store.tickets.take(text)).toBeUndefined()
      expect(await store.tickets.take(name)).toBeDefined()
    },
  )

  test('a ticket is removed from the table when it is taken', async () => {
    await store.tickets.take(await add())
    expect(await store.db.selectFrom('tickets').selectAll().execute()).toEqual([])
  })
})
