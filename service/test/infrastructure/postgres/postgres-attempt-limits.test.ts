// A contract cannot show which rows are written and which call waits. Only PostgreSQL has parallel connections.
import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { AttemptBudget } from '../../../src/application/ports/attempt-limits.ts'
import { at, HOUR } from '../../support/builders.ts'
import { openOnServer, type PostgresStore } from './open-store.ts'

const budget: AttemptBudget = {
  key: 'account',
  free: 1,
  firstDelaySeconds: 60,
  longestDelaySeconds: 60,
  forgetAfterSeconds: HOUR,
}
const network: AttemptBudget = { ...budget, key: 'network', free: 50 }

let store: PostgresStore

beforeAll(async () => {
  store = await openOnServer()
})
beforeEach(() => store.clear())
afterAll(() => store.close())

/** The rows with their location and the transactions that last wrote or locked them. */
async function rows(): Promise<unknown[]> {
  const query = sql`select ctid, xmin, xmax, * from attempts order by key`
  return (await query.execute(store.db)).rows
}

test('a refused attempt writes nothing and locks no row', { tags: ['SIGN-IN-16'] }, async () => {
  await store.attempts.take([network, budget], at(0))
  const before = await rows()
  for (const budgets of [[budget], [network, budget], [budget, network]]) {
    await expect(store.attempts.take(budgets, at(1))).rejects.toMatchObject({ code: 'too_many_attempts' })
  }
  expect(await rows()).toEqual(before)
})

test('a refused attempt does not wait for a row that is being written', async () => {
  await store.attempts.take([budget], at(0))
  await store.db.transaction().execute(async (tx) => {
    await tx.selectFrom('attempts').selectAll().forUpdate().execute()
    await expect(store.attempts.take([budget], at(1))).rejects.toMatchObject({ code: 'too_many_attempts' })
  })
})

test('the clean-up of attempts skips rows that another transaction holds', async () => {
  for (const key of ['one', 'two', 'three']) await store.attempts.take([{ ...budget, key }], at(0))
  await store.db.transaction().execute(async (tx) => {
    await tx.selectFrom('attempts').selectAll().limit(2).forUpdate().execute()
    expect(await store.attempts.removeForgotten(at(2 * HOUR), 10)).toBe(1)
  })
  expect(await store.attempts.removeForgotten(at(2 * HOUR), 10)).toBe(2)
})
