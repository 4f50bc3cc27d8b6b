import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { User } from '../../../src/domain/user.ts'
import { addUser } from '../../contracts/store.ts'
import { aBan, at } from '../../support/builders.ts'
import { openOnServer, type PostgresStore } from './open-store.ts'

let store: PostgresStore
beforeAll(async () => {
  store = await openOnServer()
})
afterAll(() => store.close())

/** An instance of an earlier version writes only the columns that it knows. */
const earlierDisables = ({ id }: User) =>
  sql`update users set disabled_at = ${at(1)}, disabled_reason = 'Spam', deleted_at = null where id = ${id}`.execute(
    store.db,
  )
const earlierEnables = ({ id }: User) =>
  sql`update users set disabled_at = null, disabled_reason = null, deleted_at = null where id = ${id}`.execute(
    store.db,
  )

test('an earlier version refuses a user whom this one has banned', { tags: ['BAN-4'] }, async () => {
  const anna = await addUser(store, 'anna', { ban: aBan({ until: at(9) }) })
  const seen = await sql`select from users where id = ${anna.id} and disabled_at is not null`.execute(
    store.db,
  )
  expect(seen.rows).toHaveLength(1)
})

test(
  'a ban by an earlier version has no end, even if an earlier ban had one',
  { tags: ['BAN-4'] },
  async () => {
    const bert = await addUser(store, 'bert', {
      ban: aBan({ until: at(9), publicReason: 'Advertisements' }),
    })
    await earlierEnables(bert)
    expect((await store.users.find(bert.id))?.ban).toBeUndefined()
    await earlierDisables(bert)
    expect((await store.users.find(bert.id))?.ban).toEqual(aBan({ since: at(1) }))
  },
)

test('a deletion by an earlier version removes the reason for the user', async () => {
  const cleo = await addUser(store, 'cleo', { ban: aBan({ publicReason: 'Advertisements', until: at(9) }) })
  await sql`update users set disabled_reason = null, deleted_at = ${at(2)} where id = ${cleo.id}`.execute(
    store.db,
  )
  const { rows } = await sql`
    select disabled_public_reason, disabled_until from users where id = ${cleo.id}`.execute(store.db)
  expect(rows).toEqual([{ disabled_public_reason: null, disabled_until: null }])
})
