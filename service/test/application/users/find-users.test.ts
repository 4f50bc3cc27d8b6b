import { beforeEach, describe, expect, test } from 'vitest'
import type { SearchUsersInput } from '../../../src/application/users/search-users.ts'
import { deleteUser, disable, type User, type UserId } from '../../../src/domain/user.ts'
import { aBan, at, DAY } from '../../support/builders.ts'
import { aWorld, limits, type World } from '../world.ts'

let world: World
let anna: User
let bert: User

beforeEach(async () => {
  world = aWorld()
  anna = await world.addUser('Anna')
  bert = await world.addUser('bert')
})

const save = (user: User) =>
  world.store.transactions.transaction('system', async (tx) => {
    await tx.users.lock(user.id)
    await tx.users.save(user)
  })

describe('looking up', () => {
  test('looking up users returns each existing one once, in the requested order', async () => {
    const ids = [bert.id, 99 as UserId, anna.id, bert.id, anna.id]
    expect(await world.useCases.lookupUsers(ids)).toEqual([bert, anna])
    expect(await world.useCases.lookupUsers([])).toEqual([])
  })

  test('looking up users returns disabled ones, who wrote messages, but no deleted ones', async () => {
    const disabled = disable(anna, aBan({ since: at(1) }))
    await save(disabled)
    await save(deleteUser(bert, at(1)))
    expect(await world.useCases.lookupUsers([bert.id, anna.id])).toEqual([disabled])
  })
})

describe('searching', () => {
  const search = (changes: Partial<SearchUsersInput> = {}) =>
    world.useCases.searchUsers({
      username: 'ann',
      after: undefined,
      limit: 2,
      askedBy: undefined,
      withDisabled: false,
      ...changes,
    })

  test('a user search ignores case, character width and outer spaces', async () => {
    for (const username of ['ann', 'ANN', ' ann ', 'ａｎｎ', '\tNNA\n'])
      expect((await search({ username })).users).toEqual([anna])
  })

  test.each(['', '   ', 'a@b', 'a b', '%', '\\', '\0', '\ud800', 'x'.repeat(33), 'x'.repeat(10_000)])(
    'a user search for %j finds nothing',
    async (username) => {
      expect(await search({ username })).toEqual({ users: [], next: undefined })
    },
  )

  test('a user search returns the start of the next page until the last one', async () => {
    const names = ['annab', 'annac', 'annad', 'joanna']
    for (const name of names) await world.addUser(name)
    const read: string[][] = []
    let after: SearchUsersInput['after']
    do {
      const { users, next } = await search({ after })
      read.push(users.map(({ username }) => username.text))
      after = next
    } while (after !== undefined)
    // The last page is full, and nothing comes after it.
    expect(read).toEqual([['Anna', 'annab'], ['annac', 'annad'], ['joanna']])
    expect((await search({ limit: 5 })).next).toBeUndefined()
    expect((await search({ limit: 4 })).next).toMatchObject({ ending: 'annad', match: 'prefix' })
  })

  test('a user search omits the caller and disabled users, except for operators', async () => {
    const disabled = disable(bert, aBan({ since: at(1) }))
    await save(disabled)
    expect((await search({ askedBy: anna.id })).users).toEqual([])
    expect((await search({ username: 'bert' })).users).toEqual([])
    expect((await search({ username: 'bert', withDisabled: true })).users).toEqual([disabled])
  })
})

describe('inspecting', () => {
  test('inspecting a user returns the number of live sessions', async () => {
    const { accessToken } = await world.signIn()
    await world.signIn()
    await world.signIn()
    await world.useCases.endOwnSession(
      await world.useCases.authenticate(accessToken),
      (await world.signIn()).session.id,
    )
    expect(await world.useCases.inspectUser(anna.id)).toEqual({ user: anna, liveSessions: 3 })
    expect(await world.useCases.inspectUser(bert.id)).toEqual({ user: bert, liveSessions: 0 })
    expect(await world.useCases.countSessions([bert, anna])).toEqual([
      { user: bert, liveSessions: 0 },
      { user: anna, liveSessions: 3 },
    ])
    world.pass(limits.idleSeconds + DAY)
    expect(await world.useCases.inspectUser(anna.id)).toEqual({ user: anna, liveSessions: 0 })
  })

  test('inspecting an unknown or deleted user is refused', async () => {
    await save(deleteUser(bert, at(1)))
    for (const id of [bert.id, 99 as UserId])
      await expect(world.useCases.inspectUser(id)).rejects.toMatchObject({ code: 'user_not_found' })
  })

  test('a user is found by the email address in any case, but not by a part of it', async () => {
    expect(await world.useCases.findUsersByEmail('ANNA@Example.org')).toEqual([anna])
    expect(await world.useCases.findUsersByEmail('nna@example.org')).toEqual([])
    await expect(world.useCases.findUsersByEmail('example.org')).rejects.toMatchObject({
      code: 'validation_failed',
      details: { fields: [{ field: 'email' }] },
    })
  })

  test('operators find every user who has an address, the one who verified it first', async () => {
    const cleo = await world.addUser('cleo', { email: anna.email })
    const dora = await world.addUser('dora', { email: anna.email, emailVerified: true })
    expect(await world.useCases.findUsersByEmail('anna@example.org')).toEqual([dora, anna, cleo])
  })
})
