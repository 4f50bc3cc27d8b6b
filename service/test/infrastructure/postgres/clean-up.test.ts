import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { removeEndedSessions, removeOldRevocations } from '../../../src/infrastructure/postgres/clean-up.ts'
import { addSession, addUser, inTransaction, readSession } from '../../contracts/store.ts'
import type { User } from '../../../src/domain/user.ts'
import { at, DAY, sessionId } from '../../support/builders.ts'
import { openEmbedded, openOnServer, type PostgresStore } from './open-store.ts'

const millisecond = 0.001

describe.each([
  ['PGlite', openEmbedded],
  ['PostgreSQL', () => openOnServer()],
])('the clean-up on %s', (_, open) => {
  let store: PostgresStore
  let anna: User

  beforeAll(async () => {
    store = await open()
  })
  beforeEach(async () => {
    await store.clear()
    anna = await addUser(store, 'anna')
  })
  afterAll(() => store.close())

  const addEnded = (number: number, endedAt: Date) =>
    addSession(store, anna, { id: sessionId(number), endedAt, endReason: 'terminated' })

  test('removes sessions 30 days after their end, and not a millisecond earlier', async () => {
    const ended = await addEnded(1, at(0))
    expect(await removeEndedSessions(store.db, at(30 * DAY - millisecond), 10)).toBe(0)
    expect(await readSession(store, ended)).toEqual(ended)
    expect(await removeEndedSessions(store.db, at(30 * DAY), 10)).toBe(1)
    expect(await readSession(store, ended)).toBeUndefined()
  })

  test('leaves sessions that have not ended alone, however old they are', async () => {
    const session = await addSession(store, anna, { createdAt: at(-999 * DAY), expiresAt: at(-900 * DAY) })
    expect(await removeEndedSessions(store.db, at(0), 10)).toBe(0)
    expect(await readSession(store, session)).toEqual(session)
  })

  test('removes sessions in portions', async () => {
    for (let number = 1; number <= 5; number += 1) await addEnded(number, at(number))
    const removed = [2, 2, 2, 2].map((limit) => () => removeEndedSessions(store.db, at(99 * DAY), limit))
    const counts: number[] = []
    for (const remove of removed) counts.push(await remove())
    expect(counts).toEqual([2, 2, 1, 0])
  })

  test('removes revocations ten minutes after the last token of the session, in portions', async () => {
    const revocation = { userId: anna.id, reason: 'terminated' as const, expiresAt: at(0) }
    const later = { ...revocation, sessionId: sessionId(4), expiresAt: at(millisecond) }
    const old = [1, 2, 3].map((number) => ({ ...revocation, sessionId: sessionId(number) }))
    await inTransaction(store, (tx) => tx.revocations.add([...old, later]))
    expect(await removeOldRevocations(store.db, at(600 - millisecond), 10)).toBe(0)
    expect(await removeOldRevocations(store.db, at(600), 2)).toBe(2)
    expect(await removeOldRevocations(store.db, at(600), 2)).toBe(1)
    expect(await removeOldRevocations(store.db, at(600), 2)).toBe(0)
    expect(await store.revocations()).toEqual([later])
  })
})
