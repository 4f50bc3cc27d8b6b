import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Session } from '../../../src/domain/session.ts'
import { addSession, addUser, readSession } from '../../contracts/store.ts'
import { openOnServer, type PostgresStore } from './open-store.ts'

let store: PostgresStore
let session: Session
const lastPlace = { address: '198.51.100.9', userAgent: 'Other/2.0' }

beforeAll(async () => {
  store = await openOnServer()
  session = await addSession(store, await addUser(store, 'anna'), { lastPlace })
})
afterAll(() => store.close())

/** An instance of an earlier version writes only the columns that it knows. */
test('a refresh by an earlier version leaves the last known place', async () => {
  await sql`update sessions set generation = 1, refreshed_at = now() where id = ${session.id}`.execute(
    store.db,
  )
  expect(await readSession(store, session)).toMatchObject({ generation: 1, lastPlace })
})

test('a deletion by an earlier version removes the last place, too', { tags: ['DELETE-4'] }, async () => {
  await sql`update sessions set device_id = null, device_name = '', user_agent = '', address = '0.0.0.0'
    where user_id = ${session.userId}`.execute(store.db)
  const { rows } = await sql`select last_address, last_user_agent from sessions`.execute(store.db)
  expect(rows).toEqual([{ last_address: null, last_user_agent: null }])
})
