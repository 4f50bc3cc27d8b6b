import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Users, UserSearch } from '../../src/application/ports/users.ts'
import { parseEmailAddress } from '../../src/domain/email-address.ts'
import { deleteUser, disable, type NewUser, type User } from '../../src/domain/user.ts'
import type { SearchPlace } from '../../src/domain/user-search.ts'
import { fragmentKey, parseUsername, type Username } from '../../src/domain/username.ts'
import { createFakeStore } from '../fakes/fake-store.ts'
import { at } from '../support/builders.ts'
import { addUser, aNewUser, inTransaction, type OpenStore, type Store } from './store.ts'

const everybody = { after: undefined, limit: 1_000, except: undefined, withDisabled: false }

/** Who is found under what somebody typed, in order. */
const names = async (users: Users, typed: string, options: Partial<UserSearch> = {}): Promise<string[]> => {
  const fragment = fragmentKey(typed) ?? typed
  const found = await users.search({ ...everybody, fragment, ...options })
  return found.map(({ user }) => user.username.text)
}

/** Page by page; what happens in between is up to `between`. */
async function pages(
  users: Users,
  search: Pick<UserSearch, 'fragment' | 'limit'> & Partial<UserSearch>,
  between: () => Promise<unknown> = () => Promise.resolve(),
): Promise<string[][]> {
  const read: string[][] = []
  let after: SearchPlace | undefined
  for (;;) {
    const page = await users.search({ ...everybody, ...search, after })
    if (page.length === 0) return read
    read.push(page.map(({ user }) => user.username.text))
    after = page.at(-1)?.place
    await between()
  }
}

/** What every `Users.search` does. */
export const userSearchContract = (name: string, open: OpenStore): void => {
  describe(`${name} searches as Users says`, () => {
    let store: Store

    beforeAll(async () => {
      store = await open()
    })
    beforeEach(() => store.clear())
    afterAll(() => store.close())

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

    test('the exact match comes first, then names that begin so, then names that hold it', async () => {
      await addAll(['joanna', 'annabelle', 'bert', 'Anna', 'hannah', 'annabeth', 'mariannade'])
      expect(await find('anna')).toEqual([
        ...['Anna', 'annabelle', 'annabeth'],
        // By what follows the fragment.
        ...['joanna', 'mariannade', 'hannah'],
      ])
      expect(await find('xanna')).toEqual([])
    })

    test('a name that holds the fragment more than once is found once, at its best place', async () => {
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
    ])('%s finds what differs by case, width or composition alone', async (typed, found) => {
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
    ])('every character of %s means itself', async (typed, found) => {
      await addAll(['annna', 'an_na', 'be.rt', 'do-ra'])
      expect(await find(typed, { fragment: typed })).toEqual(found)
    })

    test('characters outside the first plane are one each', async () => {
      await addAll(['𠮷野家牛丼', '大𠮷野家', '𠮸野家牛丼'])
      expect(await find('𠮷')).toEqual(['𠮷野家牛丼', '大𠮷野家'])
      expect(await find('野家')).toEqual(['大𠮷野家', '𠮷野家牛丼', '𠮸野家牛丼'])
      expect(await find('𠮷野家牛丼')).toEqual(['𠮷野家牛丼'])
      for (const half of ['\ud842', '\udfb7']) expect(fragmentKey(half)).toBeUndefined()
    })

    test('marks that stay apart from their letters are characters of the name', async () => {
      await addAll(['नमस्ते', 'अनमस्ते', 'नमकीन'])
      expect(await find('नम')).toEqual(['नमकीन', 'नमस्ते', 'अनमस्ते'])
      expect(await find('स्ते')).toEqual(['नमस्ते', 'अनमस्ते'])
    })

    test('whoever asks is left out', async () => {
      const [anna] = await addAll(['anna', 'joanna'])
      expect(await find('anna', { except: anna?.id })).toEqual(['joanna'])
      expect(await find('anna', { except: anna?.id, withDisabled: true })).toEqual(['joanna'])
    })

    test('disabled people are found by those alone who ask for them', async () => {
      const [anna] = (await addAll(['anna', 'joanna'])) as [User, User]
      await save(disable(anna, 'Spam', at(1)))
      expect(await find('anna')).toEqual(['joanna'])
      expect(await find('anna', { withDisabled: true })).toEqual(['anna', 'joanna'])
      await save(anna)
      expect(await find('anna')).toEqual(['anna', 'joanna'])
    })

    test('deleted people are found by nobody, under no name', async () => {
      const [anna] = (await addAll(['anna', 'joanna'])) as [User, User]
      await save(deleteUser(anna, at(1)))
      for (const withDisabled of [false, true]) {
        expect(await find('anna', { withDisabled })).toEqual(['joanna'])
        const itsNumber = { fragment: `:${anna.id}`, withDisabled }
        expect(await find('', itsNumber)).toEqual([])
        expect(await find('', { fragment: ':', withDisabled })).toEqual([])
      }
    })

    test('a new name is found from then on, the old one no more', async () => {
      const [anna] = (await addAll(['anna', 'joanna'])) as [User, User]
      await save({ ...anna, username: parseUsername('Berta') })
      expect(await find('anna')).toEqual(['joanna'])
      expect(await find('ert')).toEqual(['Berta'])
    })

    test('pages of any size add up to the whole', async () => {
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

    test('while names are added and taken between the pages nothing shown comes again, nothing is missed', async () => {
      const before = ['kanna', 'annam', 'joanna', 'dianna.x', 'hannah.x', 'susanna']
      const [kanna] = (await addAll(before)) as [User]
      let number = 0
      const read = await pages(store.users, { fragment: 'anna', limit: 1 }, async () => {
        number += 1
        if (number === 1) await save({ ...kanna, username: parseUsername('changed') })
        if (number > 20) return
        // Before everything, after everything and in between.
        for (const added of [`anna${number}`, `x${number}anna.b`, `y${number}annazz`])
          await addUser(store, added)
      })
      expect(new Set(read.flat()).size).toBe(read.flat().length)
      expect(read.flat()).toEqual(expect.arrayContaining(before.slice(1)))
      expect(read.flat()).not.toContain('changed')
    })

    test('a place holds nothing but itself: the name it stood for may be gone', async () => {
      const [anna, , annac] = (await addAll(['anna', 'annab', 'annac', 'joanna'])) as [User, User, User]
      const [first] = await store.users.search({ ...everybody, fragment: 'anna', limit: 1 })
      await save(deleteUser(anna, at(1)))
      await save({ ...annac, username: parseUsername('changed') })
      expect(await find('anna', { after: first?.place })).toEqual(['annab', 'joanna'])
    })

    test('finds what reading every name would find, whatever the names', { timeout: 120_000 }, async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(somebody, { maxLength: 12 }),
          fc.array(fragment, { minLength: 4 }),
          async (people, typed) => {
            const model = createFakeStore()
            await store.clear()
            for (const [number, person] of people.entries()) {
              await addSomebody(model, person, number)
              await addSomebody(store, person, number)
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
}

/** Few letters, so that they repeat: of one, two, three and four bytes, and those that patterns are made of. */
const letter = fc.constantFrom('a', 'a', 'b', '_', '.', '-', '%', '\\', 'é', 'ア', '𠮷', '\u0301')
const fragment = fc.array(letter, { minLength: 1, maxLength: 3 }).map((letters) => letters.join(''))
const somebody = fc.record({
  key: fc.array(letter, { minLength: 4, maxLength: 8 }).map((letters) => letters.join('')),
  becomes: fc.constantFrom('nothing', 'nothing', 'disabled', 'deleted'),
})

/** The rules for names are not the store's affair; a look somebody else has is. */
async function addSomebody(
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
  const changed = becomes === 'deleted' ? deleteUser(user, at(1)) : disable(user, 'Spam', at(1))
  await inTransaction(store, (tx) => tx.users.save(changed))
}
