import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Users, UserSearch } from '../../src/application/ports/users.ts'
import { parseEmailAddress } from '../../src/domain/email-address.ts'
import { deleteUser, disable, type NewUser, type User } from '../../src/domain/user.ts'
import type { SearchCursor } from '../../src/domain/user-search.ts'
import { searchKey, parseUsername, type Username } from '../../src/domain/username.ts'
import { createFakeStore } from '../fakes/fake-store.ts'
import { aBan, at, noon } from '../support/builders.ts'
import { describeContract } from './describe-contract.ts'
import { addUser, aNewUser, inTransaction, type Store } from './store.ts'

const allUsers = { after: undefined, limit: 1_000, except: undefined, withDisabled: false, now: noon }

/** The names that a search finds, in order. */
const names = async (users: Users, typed: string, options: Partial<UserSearch> = {}): Promise<string[]> => {
  const fragment = searchKey(typed) ?? typed
  const found = await users.search({ ...allUsers, fragment, ...options })
  return found.map(({ user }) => user.username.text)
}

/** Reads a search page by page, and calls `between` after each page. */
async function pages(
  users: Users,
  search: Pick<UserSearch, 'fragment' | 'limit'> & Partial<UserSearch>,
  between: () => Promise<unknown> = () => Promise.resolve(),
): Promise<string[][]> {
  const read: string[][] = []
  let after: SearchCursor | undefined
  for (;;) {
    const page = await users.search({ ...allUsers, ...search, after })
    if (page.length === 0) return read
    read.push(page.map(({ user }) => user.username.text))
    after = page.at(-1)?.cursor
    await between()
  }
}

export const userSearchContract = describeContract('Users.search', (store: Store) => {
  const addAll = async (wanted: readonly string[]): Promise<User[]> => {
    const added: User[] = []
    for (const [number, each] of wanted.entries()) {
      const email = parseEmailAddress(`user${number}@example.org`)
      added.push(await addUser(store, 'name', { username: parseUsername(each), email }))
    }
    return added
  }
  const save = (user: User): Promise<void> => inTransaction(store, (tx) => tx.users.save(user))
  const find = (typed: string, options?: Partial<UserSearch>) => names(store.users, typed, options)

  test('the exact match comes first, then names that start with the fragment, then the others', async () => {
    await addAll(['joanna', 'annabelle', 'bert', 'Anna', 'hannah', 'annabeth', 'mariannade'])
    expect(await find('anna')).toEqual([
      'Anna',
      'annabelle',
      'annabeth',
      // By what follows the fragment.
      'joanna',
      'mariannade',
      'hannah',
    ])
    expect(await find('xanna')).toEqual([])
  })

  test('a name that contains the fragment more than once is found once, at its best match', async () => {
    await addAll(['banana', 'anan.anan', 'aaaa', 'xaaaay'])
    expect(await find('an')).toEqual(['anan.anan', 'banana'])
    expect(await find('a')).toEqual(['aaaa', 'anan.anan', 'xaaaay', 'banana'])
    expect(await find('aaaa')).toEqual(['aaaa', 'xaaaay'])
    expect(await find('na')).toEqual(['anan.anan', 'banana'])
  })

  test.each([
    ['ANNA', ['Anna', 'JOANNA']],
    ['ａｎｎａ', ['Anna', 'JOANNA']],
    ['ÖZIL', ['özil.m']],
    ['o\u0308zil', ['özil.m']],
    ['ﾀﾅｶ', ['タナカさん']],
    ['ozil', []],
    ['o', ['JOANNA']],
  ])('a search for %s ignores case, width and composition', async (typed, found) => {
    await addAll(['Anna', 'JOANNA', 'özil.m', 'タナカさん'])
    expect(await find(typed)).toEqual(found)
  })

  test.each([
    ['_', ['an_na']],
    ['.', ['be.rt']],
    ['-', ['do-ra']],
    ['n_n', ['an_na']],
    ['e.r', ['be.rt']],
    ['%', []],
    ['%%', []],
    ['a%', []],
    ['\\', []],
    ['\\_', []],
    ["'", []],
    ['[a-z]', []],
    ['.*', []],
    ['a.', []],
    ['a_', []],
    ['\u{10FFFF}', []],
  ])('every character of the search %s means itself', async (typed, found) => {
    await addAll(['annna', 'an_na', 'be.rt', 'do-ra'])
    expect(await find(typed, { fragment: typed })).toEqual(found)
  })

  test('a search counts characters outside the basic plane as one each', async () => {
    await addAll(['𠱓野家牛丼', '大𠱓野家', '𠱸野家牛丼'])
    expect(await find('𠱓')).toEqual(['𠱓野家牛丼', '大𠱓野家'])
    expect(await find('野家')).toEqual(['大𠱓野家', '𠱓野家牛丼', '𠱸野家牛丼'])
    expect(await find('𠱓野家牛丼')).toEqual(['𠱓野家牛丼'])
    for (const half of ['\ud843', '\udc53']) expect(searchKey(half)).toBeUndefined()
  })

  test('combining marks that do not compose are characters of the name in a search', async () => {
    await addAll(['नमस्ते', 'अनमस्ते', 'नमकीन'])
    expect(await find('नम')).toEqual(['नमकीन', 'नमस्ते', 'अनमस्ते'])
    expect(await find('स्ते')).toEqual(['नमस्ते', 'अनमस्ते'])
  })

  test('a search leaves out the user who searches', async () => {
    const [anna] = await addAll(['anna', 'joanna'])
    expect(await find('anna', { except: anna?.id })).toEqual(['joanna'])
    expect(await find('anna', { except: anna?.id, withDisabled: true })).toEqual(['joanna'])
  })

  test('a search finds disabled users only if it asks for them', async () => {
    const [anna] = (await addAll(['anna', 'joanna'])) as [User, User]
    await save(disable(anna, aBan({ since: at(1) })))
    expect(await find('anna')).toEqual(['joanna'])
    expect(await find('anna', { withDisabled: true })).toEqual(['anna', 'joanna'])
    await save(anna)
    expect(await find('anna')).toEqual(['anna', 'joanna'])
  })

  test('a search finds users whose ban is over', { tags: ['BAN-1'] }, async () => {
    const [anna] = (await addAll(['anna', 'joanna'])) as [User, User]
    await save(disable(anna, aBan({ until: at(9) })))
    expect(await find('anna', { now: at(8) })).toEqual(['joanna'])
    expect(await find('anna', { now: at(9) })).toEqual(['anna', 'joanna'])
  })

  test('a search never finds deleted users', async () => {
    const [anna] = (await addAll(['anna', 'joanna'])) as [User, User]
    await save(deleteUser(anna, at(1)))
    for (const withDisabled of [false, true]) {
      expect(await find('anna', { withDisabled })).toEqual(['joanna'])
      const itsNumber = { fragment: `:${anna.id}`, withDisabled }
      expect(await find('', itsNumber)).toEqual([])
      expect(await find('', { fragment: ':', withDisabled })).toEqual([])
    }
  })

  test('after a change of name a search finds the new name and not the old one', async () => {
    const [anna] = (await addAll(['anna', 'joanna'])) as [User, User]
    await save({ ...anna, username: parseUsername('Berta') })
    expect(await find('anna')).toEqual(['joanna'])
    expect(await find('ert')).toEqual(['Berta'])
  })

  test('search pages of any size add up to all matches', async () => {
    const wanted = ['anna', 'annab', 'annac', 'joanna', 'dianna', 'deanna', 'hannah', 'susanna', 'bert']
    await addAll(wanted)
    const whole = await find('anna')
    expect(whole).toHaveLength(8)
    for (const limit of [1, 2, 3, 7, 8, 9]) {
      const read = await pages(store.users, { fragment: 'anna', limit })
      expect(read.flat()).toEqual(whole)
      expect(read.slice(0, -1).every((page) => page.length === limit)).toBe(true)
    }
  })

  test('search pages repeat and miss no name while other names are added and changed', async () => {
    const before = ['kanna', 'annam', 'joanna', 'dianna.x', 'hannah.x', 'susanna']
    const [kanna] = (await addAll(before)) as [User]
    let number = 0
    const read = await pages(store.users, { fragment: 'anna', limit: 1 }, async () => {
      number += 1
      if (number === 1) await save({ ...kanna, username: parseUsername('changed') })
      if (number > 20) return
      // Before all matches, after them and in between.
      for (const added of [`anna${number}`, `x${number}anna.b`, `y${number}annazz`])
        await addUser(store, added)
    })
    expect(new Set(read.flat()).size).toBe(read.flat().length)
    expect(read.flat()).toEqual(expect.arrayContaining(before.slice(1)))
    expect(read.flat()).not.toContain('changed')
  })

  test('a search continues after a position whose name is gone', async () => {
    const [anna, , annac] = (await addAll(['anna', 'annab', 'annac', 'joanna'])) as [User, User, User]
    const [first] = await store.users.search({ ...allUsers, fragment: 'anna', limit: 1 })
    await save(deleteUser(anna, at(1)))
    await save({ ...annac, username: parseUsername('changed') })
    expect(await find('anna', { after: first?.cursor })).toEqual(['annab', 'joanna'])
  })

  test('a search finds the same names as reading every name', { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(randomUser, { maxLength: 12 }),
        fc.array(fragment, { minLength: 4 }),
        async (randomUsers, typed) => {
          const model = createFakeStore()
          await store.clear()
          for (const [number, user] of randomUsers.entries()) {
            await addRandomUser(model, user, number)
            await addRandomUser(store, user, number)
          }
          for (const [number, each] of typed.entries()) {
            const search = { fragment: each, limit: 1 + (number % 3), withDisabled: number % 2 === 0 }
            const read = await pages(store.users, search)
            expect(read).toEqual(await pages(model.users, search))
          }
        },
      ),
      { numRuns: 25 },
    )
  })
})

/** Few letters, so that they repeat: of one to four bytes, and those with a meaning in patterns. */
const letter = fc.constantFrom('a', 'a', 'b', '_', '.', '-', '%', '\\', 'é', 'ア', '𠱓', '\u0301')
const fragment = fc.array(letter, { minLength: 1, maxLength: 3 }).map((letters) => letters.join(''))
const randomUser = fc.record({
  key: fc.array(letter, { minLength: 4, maxLength: 8 }).map((letters) => letters.join('')),
  becomes: fc.constantFrom('nothing', 'nothing', 'disabled', 'deleted'),
})

/** A store does not check the rules for names, but it refuses a look of another user. */
async function addRandomUser(
  store: Pick<Store, 'transactions'>,
  { key, becomes }: { key: string; becomes: string },
  number: number,
): Promise<void> {
  const username = { text: key, key } as Username
  const wanted: NewUser = {
    ...aNewUser('name', { email: parseEmailAddress(`${number}@example.org`) }),
    username,
  }
  const user = await inTransaction(store, (tx) => tx.users.add(wanted)).catch(() => undefined)
  if (user === undefined || becomes === 'nothing') return
  const changed = becomes === 'deleted' ? deleteUser(user, at(1)) : disable(user, aBan({ since: at(1) }))
  await inTransaction(store, (tx) => tx.users.save(changed))
}
