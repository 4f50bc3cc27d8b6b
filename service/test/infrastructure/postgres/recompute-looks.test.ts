import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { databaseChecks } from '../../../src/infrastructure/doctor/database-findings.ts'
import { migrate } from '../../../src/infrastructure/postgres/migrate.ts'
import { deleteUser, type User } from '../../../src/domain/user.ts'
import { parseUsername } from '../../../src/domain/username.ts'
import { addUser, inTransaction } from '../../contracts/store.ts'
import { at } from '../../support/builders.ts'
import { openEmbedded, openOnServer, type PostgresStore } from './open-store.ts'

const mohanda = 'মোহনদা'
const drawnAlike = 'মােহনদা'

describe.each([
  ['PGlite', openEmbedded],
  ['PostgreSQL', () => openOnServer()],
])('a database from before the marks were sorted, on %s', (_, open) => {
  let store: PostgresStore

  beforeAll(async () => {
    store = await open()
  })
  beforeEach(() => store.clear())
  afterAll(() => store.close())

  /** A user whose look is the name itself, as it was for these names. */
  async function addWithOldLook(name: string, typed: string): Promise<User> {
    const user = await addUser(store, name)
    await store.pool.query('update users set username = $2, username_key = $2 where id = $1', [
      user.id,
      typed,
    ])
    await store.pool.query('update username_looks set look = $2 where user_id = $1', [
      user.id,
      typed.normalize('NFD'),
    ])
    return { ...user, username: { ...user.username, text: typed, key: typed } }
  }

  async function migrateAgain(): Promise<void> {
    await store.pool.query(`delete from chat_auth_migrations where name = '0011-sorted-marks'`)
    await migrate(store.db)
  }

  const rename = (user: User, name: string) =>
    inTransaction(store, (tx) => tx.users.save({ ...user, username: parseUsername(name) }))
  const sharedLooks = async (): Promise<number> =>
    (await store.pool.query('select * from shared_username_looks')).rows.length

  test(
    'two users with one look keep their names, and nobody new can take either',
    { tags: ['SESSION-13'] },
    async () => {
      const first = await addWithOldLook('berta', mohanda)
      const second = await addWithOldLook('cleo', drawnAlike)
      await migrateAgain()
      expect((await store.users.findAll([first.id, second.id])).map(({ username }) => username.text)).toEqual(
        [mohanda, drawnAlike],
      )
      const dora = await addUser(store, 'dora')
      await expect(rename(dora, mohanda)).rejects.toMatchObject({ code: 'username_taken' })
      await expect(rename(dora, drawnAlike)).rejects.toMatchObject({ code: 'username_taken' })
    },
  )

  test.each([
    ['the first', 0],
    ['the second', 1],
  ])('if %s of two look-alikes changes the name, the other one still has the look', async (_which, index) => {
    const users = [await addWithOldLook('berta', mohanda), await addWithOldLook('cleo', drawnAlike)]
    await migrateAgain()
    const [leaves, stays] = [users[index], users[1 - index]]
    if (leaves === undefined || stays === undefined) throw new Error('two users')
    await rename(leaves, 'other')
    expect(await sharedLooks()).toBe(0)
    const dora = await addUser(store, 'dora')
    await expect(rename(dora, mohanda)).rejects.toMatchObject({ code: 'username_taken' })
    await inTransaction(store, (tx) => tx.users.save(deleteUser(stays, at(0))))
    await rename(dora, mohanda)
  })

  test('a look that its holder lost in a later batch belongs to the user who has it now', async () => {
    await addWithOldLook('berta', mohanda)
    const other = await addWithOldLook('cleo', 'সোহনদা')
    await store.pool.query('update username_looks set look = $2 where user_id = $1', [
      other.id,
      'ম\u09be\u09c7হনদ\u09be',
    ])
    await migrateAgain()
    expect(await sharedLooks()).toBe(0)
    const dora = await addUser(store, 'dora')
    await expect(rename(dora, drawnAlike)).rejects.toMatchObject({ code: 'username_taken' })
  })

  test('the doctor names the users that look alike by their ids', async () => {
    const check = () => databaseChecks['names']?.(store.db)
    expect(await check()).toMatchObject([{ status: 'ok', detail: 'no two users look alike' }])
    const first = await addWithOldLook('berta', mohanda)
    const second = await addWithOldLook('cleo', drawnAlike)
    await migrateAgain()
    expect(await check()).toMatchObject([
      { status: 'warning', detail: `users that look alike: ${first.id} and ${second.id}` },
    ])
  })
})
