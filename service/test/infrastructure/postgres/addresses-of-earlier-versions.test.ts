// An instance of an earlier version runs beside this one during an upgrade. It writes only the columns that it knows.
import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { parseEmailAddress } from '../../../src/domain/email-address.ts'
import type { UserId } from '../../../src/domain/user.ts'
import { addUser, aNewUser, inTransaction, outcomes } from '../../contracts/store.ts'
import { at } from '../../support/builders.ts'
import { waitingForLocks } from '../../support/lock-waits.ts'
import { openOnServer } from './open-store.ts'

let store: Awaited<ReturnType<typeof openOnServer>>
beforeAll(async () => {
  store = await openOnServer()
})
beforeEach(() => store.clear())
afterAll(() => store.close())

const shared = parseEmailAddress('shared@example.org')
/** How it recognises a taken address. */
const taken = { code: '23505', constraint: 'users_email_key_unique' }

const earlierAdds = async (name: string, email: string): Promise<UserId> => {
  const { rows } = await sql<{ id: UserId }>`
    insert into users (username, username_key, email, email_key, email_verified, password_hash, password_version, roles, created_at)
    values (${name}, ${name}, ${email}, ${email}, false, '$argon2id$x', 1, '{}', ${at(0)}) returning id`.execute(
    store.db,
  )
  return rows[0]?.id as UserId
}
const earlierMoves = (id: UserId, email: string) =>
  sql`update users set email = ${email}, email_key = ${email}, email_verified = false, password_version = 1
    where id = ${id}`.execute(store.db)

test('an earlier version is refused an address that somebody has', { tags: ['RESET-4'] }, async () => {
  await addUser(store, 'anna', { email: shared })
  await expect(earlierAdds('bert', shared.key)).rejects.toMatchObject(taken)
  const cleo = await earlierAdds('cleo', 'cleo@example.org')
  await expect(earlierMoves(cleo, shared.key)).rejects.toMatchObject(taken)
})

test(
  'a change of address by an earlier version outdates links for the address and the password',
  { tags: ['RESET-4'] },
  async () => {
    const id = await earlierAdds('anna', 'anna@example.org')
    const added = await store.users.find(id)
    expect(added).toMatchObject({ emailVersion: 1, passwordVersion: 1 })
    await earlierMoves(id, 'other@example.org')
    expect(await store.users.find(id)).toMatchObject({ emailVersion: 2, passwordVersion: 2 })
    await earlierMoves(id, 'other@example.org')
    expect(await store.users.find(id)).toMatchObject({ emailVersion: 2 })
  },
)

test('of sign-ups at both versions with one address, one succeeds', { tags: ['RESET-4'] }, async () => {
  const additions = Array.from({ length: 10 }, (_, n) =>
    n % 2 === 0
      ? earlierAdds(`earlier${n}`, shared.key).catch((error: unknown) => {
          expect(error).toMatchObject(taken)
          throw Object.assign(new Error('taken'), { code: 'email_taken' })
        })
      : inTransaction(store, async (tx) =>
          tx.users.requireOnlyHolder(await tx.users.add(aNewUser(`present${n}`, { email: shared }))),
        ),
  )
  expect(await outcomes(additions)).toEqual(['done', ...Array<string>(9).fill('email_taken')])
})

test('a deletion by an earlier version removes the earlier addresses of the user', async () => {
  const anna = await addUser(store, 'anna')
  const change = {
    userId: anna.id,
    version: 2,
    previous: shared,
    previousWasVerified: true,
    changedAt: at(1),
  }
  await inTransaction(store, (tx) => tx.emailChanges.add(change))
  await sql`update users set email = ':1', email_key = ':1', deleted_at = ${at(2)} where id = ${anna.id}`.execute(
    store.db,
  )
  expect(await store.emailChanges.list(anna.id)).toEqual([])
})

test(
  'a sign-up at an earlier version waits for one at this version with the same address, and is refused',
  { tags: ['RESET-4'] },
  async () => {
    let earlier: Promise<unknown> = Promise.resolve()
    await inTransaction(store, async (tx) => {
      await tx.users.requireOnlyHolder(await tx.users.add(aNewUser('anna', { email: shared })))
      earlier = earlierAdds('bert', shared.key).catch((error: unknown) => error)
      await Promise.race([earlier, waitingForLocks(store.url, 1)])
    })
    expect(await earlier).toMatchObject(taken)
  },
)

test(
  'of two sign-ups that have both written the same address, one succeeds',
  { tags: ['RESET-2'] },
  async () => {
    let written = 0
    const { promise: bothWritten, resolve } = Promise.withResolvers<undefined>()
    const additions = ['anna', 'bert'].map((name) =>
      inTransaction(store, async (tx) => {
        const user = await tx.users.add(aNewUser(name, { email: shared }))
        if ((written += 1) === 2) resolve(undefined)
        await bothWritten
        await tx.users.requireOnlyHolder(user)
      }),
    )
    expect(await outcomes(additions)).toEqual(['done', 'email_taken'])
  },
)
