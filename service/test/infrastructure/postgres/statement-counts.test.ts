// Work on many rows takes as many statements as work on one.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { endSessions } from '../../../src/application/sessions/end-sessions.ts'
import { expireSessions } from '../../../src/application/sessions/expire-sessions.ts'
import type { Transaction } from '../../../src/application/ports/transactions.ts'
import { userDisabled } from '../../../src/domain/event.ts'
import type { Session } from '../../../src/domain/session.ts'
import type { User, UserId } from '../../../src/domain/user.ts'
import { openDatabase, type Database } from '../../../src/infrastructure/postgres/database.ts'
import { PostgresDeliveries } from '../../../src/infrastructure/postgres/postgres-deliveries.ts'
import { PostgresTransactions } from '../../../src/infrastructure/postgres/postgres-transactions.ts'
import { addUser, inTransaction } from '../../contracts/store.ts'
import { aBan, aSession, at, HOUR, sessionId } from '../../support/builders.ts'
import { openOnServer, type PostgresStore } from './open-store.ts'

const MANY = 500

let store: PostgresStore
let db: Database
let statements: string[] = []

beforeAll(async () => {
  store = await openOnServer()
  db = openDatabase(store.pool, ({ query }) => statements.push(query.sql))
})
beforeEach(() => store.clear())
afterAll(() => store.close())

const deps = { clock: { now: () => at(9) }, accessTokenTtlSeconds: HOUR }

let lastSession = 0

/** Sessions of these users in turn. */
const addSessions = (count: number, users: readonly User[], changes: Partial<Session> = {}): Promise<void> =>
  inTransaction(store, async (tx) => {
    for (let number = 0; number < count; number += 1) {
      const { id } = users[number % users.length] as User
      await tx.sessions.add(aSession({ id: sessionId((lastSession += 1)), userId: id, ...changes }))
    }
  })

/** The result of `work`, and the number of its statements, with begin and commit. */
async function counted<T>(work: () => Promise<T>): Promise<{ result: T; count: number }> {
  statements = []
  const result = await work()
  return { result, count: statements.length }
}

const endAll = (userId: UserId) =>
  counted(() =>
    new PostgresTransactions(db).transaction('system', async (tx: Transaction) => {
      await tx.users.lock(userId)
      return endSessions(deps)(tx, await tx.sessions.lockLive(userId, at(9)), 'terminated')
    }),
  )

describe('the number of statements', () => {
  test('ending 500 sessions of a user takes as many statements as ending one', async () => {
    const [anna, bert] = [await addUser(store, 'anna'), await addUser(store, 'bert')]
    await addSessions(1, [bert])
    const one = await endAll(bert.id)
    await addSessions(MANY, [anna])
    const many = await endAll(anna.id)
    expect([one.result.length, many.result.length]).toEqual([1, MANY])
    expect(many.count).toBe(one.count)
    expect(await store.revocations()).toHaveLength(MANY + 1)
    expect(await store.events()).toHaveLength(MANY + 1)
  })

  test('ending 500 sessions of many users that ran out takes as many statements as ending one', async () => {
    const expire = () =>
      counted(() => expireSessions({ ...deps, transactions: new PostgresTransactions(db) })(MANY))
    const users = await Promise.all(['anna', 'bert', 'cleo', 'dora'].map((name) => addUser(store, name)))
    await addSessions(1, users, { idleExpiresAt: at(1) })
    const one = await expire()
    await store.db.deleteFrom('sessions').execute()
    await addSessions(MANY, users, { idleExpiresAt: at(1) })
    const many = await expire()
    expect(many.count).toBe(one.count)
    const left = await store.db.selectFrom('sessions').where('ended_at', 'is', null).select('id').execute()
    expect(left).toEqual([])
  })

  test('dispatching 500 events to two consumers takes as many statements as dispatching one', async () => {
    const anna = await addUser(store, 'anna')
    const dispatch = () =>
      counted(() => new PostgresDeliveries(db).dispatch(() => ['a', 'b'], { now: at(1), limit: MANY }))
    const add = (count: number) =>
      inTransaction(store, (tx) =>
        tx.outbox.add(Array.from({ length: count }, () => userDisabled(anna.id, aBan({ since: at(0) })))),
      )
    await add(1)
    const one = await dispatch()
    await add(MANY)
    const many = await dispatch()
    expect([one.result, many.result]).toEqual([1, MANY])
    expect(many.count).toBe(one.count)
  })
})
