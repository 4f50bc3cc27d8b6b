import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Revocation } from '../../../src/domain/revocation.ts'
import {
  removeEndedSessions,
  removeOldRevocations,
  removeOldTickets,
  removeReleasedNames,
} from '../../../src/infrastructure/postgres/clean-up.ts'
import { PostgresRevocationLog } from '../../../src/infrastructure/postgres/postgres-revocation-log.ts'
import { PostgresTickets } from '../../../src/infrastructure/postgres/postgres-tickets.ts'
import { aRevocation } from '../../contracts/revocation-log.contract.ts'
import { addSession, addUser, aNewUser, inTransaction, readSession } from '../../contracts/store.ts'
import { parseEmailAddress } from '../../../src/domain/email-address.ts'
import type { User } from '../../../src/domain/user.ts'
import { parseUsername } from '../../../src/domain/username.ts'
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

  test('removes revocations from the moment they expire, in portions, from the front of the log', async () => {
    const [first, second, later, last] = [1, 1, 2, 1].map((expiry, index) =>
      aRevocation(index + 1, { expiresAt: at(expiry) }),
    ) as [Revocation, Revocation, Revocation, Revocation]
    await inTransaction(store, (tx) => tx.revocations.add([first, second, later, last]))
    const log = new PostgresRevocationLog(store.db)
    await log.number()
    expect(await removeOldRevocations(store.db, at(1 - millisecond), 10)).toBe(0)
    expect(await removeOldRevocations(store.db, at(1), 1)).toBe(1)
    expect(await removeOldRevocations(store.db, at(1), 10)).toBe(1)
    expect(await removeOldRevocations(store.db, at(1), 10)).toBe(0)
    expect(await store.revocations()).toEqual([later, last])
    expect(await removeOldRevocations(store.db, at(2), 10)).toBe(2)
  })

  test('leaves revocations that have no place in the log yet', async () => {
    await inTransaction(store, (tx) => tx.revocations.add([aRevocation(1)]))
    expect(await removeOldRevocations(store.db, at(99), 10)).toBe(0)
  })

  test('frees the names of deleted people from the moment their time is up, and what looks like them', async () => {
    const hold = (name: string, seconds: number) =>
      inTransaction(store, (tx) => tx.users.holdName(parseUsername(name), at(seconds)))
    const isFree = async (name: string) => {
      const wanted = aNewUser(name, { email: parseEmailAddress('new@example.org') })
      const added = inTransaction(store, async (tx) => {
        await tx.users.add(wanted)
        throw new Error('it is free')
      })
      const refusal = (await added.catch((error: unknown) => error)) as Error
      return refusal.message === 'it is free'
    }
    await hold('google', 1)
    await hold('paypal', 1 + millisecond)
    expect(await removeReleasedNames(store.db, at(1 - millisecond), 10)).toBe(0)
    expect(await isFree('google')).toBe(false)
    expect(await removeReleasedNames(store.db, at(1), 10)).toBeGreaterThan(0)
    for (const name of ['google', 'goog1e', 'GOOGLE']) expect(await isFree(name)).toBe(true)
    for (const name of ['paypal', 'paypa1']) expect(await isFree(name)).toBe(false)
    // Held again by somebody else meanwhile: the later moment counts.
    await hold('paypal', 9)
    expect(await removeReleasedNames(store.db, at(2), 10)).toBe(0)
  })

  test('frees names in portions', async () => {
    const names = ['adam.x', 'bert.x', 'carl.x', 'dora.x', 'emma.x']
    for (const name of names)
      await inTransaction(store, (tx) => tx.users.holdName(parseUsername(name), at(1)))
    const { length: total } = await store.db.selectFrom('released_names').selectAll().execute()
    let removed = 0
    while (removed < total) {
      const portion = await removeReleasedNames(store.db, at(9), 2)
      expect(portion).toBe(Math.min(2, total - removed))
      removed += portion
    }
    expect(await removeReleasedNames(store.db, at(9), 2)).toBe(0)
  })

  test('removes tickets from the moment they expire, in portions', async () => {
    const tickets = new PostgresTickets(store.db)
    const ticket = {
      ...{ userId: anna.id, sessionId: sessionId(1), generation: 0, origin: undefined },
      ...{ issuedAt: at(0), tokenExpiresAt: at(600) },
    }
    for (const seconds of [1, 1, 1]) await tickets.add({ ...ticket, expiresAt: at(seconds) })
    const later = await tickets.add({ ...ticket, expiresAt: at(1 + millisecond) })
    expect(await removeOldTickets(store.db, at(1 - millisecond), 10)).toBe(0)
    expect(await removeOldTickets(store.db, at(1), 2)).toBe(2)
    expect(await removeOldTickets(store.db, at(1), 2)).toBe(1)
    expect(await tickets.take(later)).toBeDefined()
  })
})
