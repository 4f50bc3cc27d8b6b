import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Revocation } from '../../../src/domain/revocation.ts'
import {
  readOldestDue,
  removeEndedSessions,
  removeOldAudit,
  removeOldRevocations,
  removeOldTickets,
  removeReleasedNames,
} from '../../../src/infrastructure/postgres/clean-up.ts'
import { postponeChecks } from '../../../src/infrastructure/postgres/expired-sessions.ts'
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

  test('the clean-up removes sessions 30 days after their end, not a millisecond earlier', async () => {
    const ended = await addEnded(1, at(0))
    expect(await removeEndedSessions(store.db, at(30 * DAY - millisecond), 10)).toBe(0)
    expect(await readSession(store, ended)).toEqual(ended)
    expect(await removeEndedSessions(store.db, at(30 * DAY), 10)).toBe(1)
    expect(await readSession(store, ended)).toBeUndefined()
  })

  test('the clean-up keeps sessions that have not ended, however old they are', async () => {
    const session = await addSession(store, anna, { createdAt: at(-999 * DAY), expiresAt: at(-900 * DAY) })
    expect(await removeEndedSessions(store.db, at(0), 10)).toBe(0)
    expect(await readSession(store, session)).toEqual(session)
  })

  test('the clean-up removes sessions in batches', async () => {
    for (let number = 1; number <= 5; number += 1) await addEnded(number, at(number))
    const removed = [2, 2, 2, 2].map((limit) => () => removeEndedSessions(store.db, at(99 * DAY), limit))
    const counts: number[] = []
    for (const remove of removed) counts.push(await remove())
    expect(counts).toEqual([2, 2, 1, 0])
  })

  test('the clean-up removes expired revocations in batches, from the front of the log', async () => {
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

  test('the clean-up keeps revocations that have no seq yet', async () => {
    await inTransaction(store, (tx) => tx.revocations.add([aRevocation(1)]))
    expect(await removeOldRevocations(store.db, at(99), 10)).toBe(0)
  })

  test('the clean-up frees the names of deleted users and their looks when their time is up', async () => {
    const hold = (name: string, seconds: number) =>
      inTransaction(store, (tx) => tx.users.holdName(parseUsername(name), at(seconds), undefined))
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
    // The name is held again for another user: the later moment counts.
    await hold('paypal', 9)
    expect(await removeReleasedNames(store.db, at(2), 10)).toBe(0)
  })

  test('the clean-up frees names in batches', async () => {
    const names = ['adam.x', 'bert.x', 'carl.x', 'dora.x', 'emma.x']
    for (const name of names)
      await inTransaction(store, (tx) => tx.users.holdName(parseUsername(name), at(1), undefined))
    const { length: total } = await store.db.selectFrom('released_names').selectAll().execute()
    let removed = 0
    while (removed < total) {
      const portion = await removeReleasedNames(store.db, at(9), 2)
      expect(portion).toBe(Math.min(2, total - removed))
      removed += portion
    }
    expect(await removeReleasedNames(store.db, at(9), 2)).toBe(0)
  })

  test('the clean-up removes expired tickets in batches', async () => {
    const tickets = new PostgresTickets(store.db)
    const ticket = {
      userId: anna.id,
      sessionId: sessionId(1),
      generation: 0,
      origin: undefined,
      issuedAt: at(0),
      tokenExpiresAt: at(600),
    }
    for (const seconds of [1, 1, 1]) await tickets.add({ ...ticket, expiresAt: at(seconds) })
    const later = await tickets.add({ ...ticket, expiresAt: at(1 + millisecond) })
    expect(await removeOldTickets(store.db, at(1 - millisecond), 10)).toBe(0)
    expect(await removeOldTickets(store.db, at(1), 2)).toBe(2)
    expect(await removeOldTickets(store.db, at(1), 2)).toBe(1)
    expect(await tickets.take(later)).toBeDefined()
  })

  test('the clean-up looks later at refreshed sessions, in batches that say how many', async () => {
    for (let number = 1; number <= 3; number += 1)
      await addSession(store, anna, { id: sessionId(number), idleExpiresAt: at(DAY), expiresAt: at(9 * DAY) })
    await store.db
      .updateTable('sessions')
      .set({ check_after: at(1) })
      .execute()
    const counts: number[] = []
    for (let batch = 0; batch < 3; batch += 1) counts.push(await postponeChecks(store.db, at(2), 2))
    expect(counts).toEqual([2, 1, 0])
    expect((await readOldestDue(store.db, 180 * DAY))['expired_sessions']).toEqual(at(DAY))
  })

  const addAudit = (...seconds: number[]) =>
    store.auditLog.add(
      seconds.map((each) => ({ at: at(each), action: 'sign_in.refused', result: 'x', data: {} })),
    )
  const auditTimes = async () => (await store.auditLog.page({ limit: 100 })).map(({ at }) => at)
  const removeAudit = (now: Date, limit = 10) =>
    removeOldAudit(store.db, { now, retentionSeconds: 180 * DAY, limit })

  test(
    'the clean-up removes audit entries after their retention, in batches, oldest first',
    { tags: ['AUDIT-4'] },
    async () => {
      await addAudit(3, 1, 2)
      expect(await removeAudit(at(180 * DAY + 1 - millisecond))).toBe(0)
      expect(await removeAudit(at(180 * DAY + 2), 1)).toBe(1)
      expect(await auditTimes()).toEqual([at(3), at(2)])
      expect(await removeAudit(at(180 * DAY + 2))).toBe(1)
      expect(await auditTimes()).toEqual([at(3)])
    },
  )

  test('a clock that is ahead costs an hour of the audit log a run', { tags: ['AUDIT-4'] }, async () => {
    await addAudit(0, 3600, 3601)
    expect(await removeAudit(at(9_999 * DAY))).toBe(2)
    expect(await auditTimes()).toEqual([at(3601)])
  })

  test('the oldest due row of each kind is found, and none where there is none', async () => {
    const none = Object.fromEntries(
      ['expired_sessions', 'ended_sessions', 'revocations', 'tickets', 'attempts', 'audit_log'].map(
        (kind) => [kind, null],
      ),
    )
    expect(await readOldestDue(store.db, 180 * DAY)).toMatchObject(none)
    await addEnded(1, at(5))
    await addEnded(2, at(3))
    await addSession(store, anna, { id: sessionId(3), idleExpiresAt: at(7) })
    await inTransaction(store, (tx) => tx.revocations.add([aRevocation(1, { expiresAt: at(4) })]))
    await new PostgresRevocationLog(store.db).number()
    await addAudit(2, 9)
    expect(await readOldestDue(store.db, 180 * DAY)).toMatchObject({
      expired_sessions: at(7),
      ended_sessions: at(3 + 30 * DAY),
      revocations: at(4),
      tickets: null,
      audit_log: at(2 + 180 * DAY),
    })
  })
})
