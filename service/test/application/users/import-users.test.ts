import { readFileSync } from 'node:fs'
import { beforeEach, describe, expect, test } from 'vitest'
import type { Holdings, ImportedUsers } from '../../../src/application/ports/imported-users.ts'
import type { OldUser } from '../../../src/application/ports/old-users.ts'
import { importUsers, type Outcome } from '../../../src/application/users/import-users.ts'
import { parseEmailAddress } from '../../../src/domain/email-address.ts'
import { reserveUsernames } from '../../../src/domain/reserved-usernames.ts'
import { looksOf } from '../../../src/domain/skeleton.ts'
import { parseUserId, type User, type UserId } from '../../../src/domain/user.ts'
import { parseUsername } from '../../../src/domain/username.ts'
import { aUser, noon } from '../../support/builders.ts'

/** Returns every user as a holding, whatever names and addresses the page claims. */
class FakeImportedUsers implements ImportedUsers {
  users: readonly User[] = []
  /** A user who registers just before the next page is written, so the page has to run again. */
  rival: User | undefined
  readonly calls: string[] = []

  reserveIds(upTo: UserId): Promise<void> {
    this.calls.push(`reserve ${upTo}`)
    return Promise.resolve()
  }

  async transaction<T>(work: Parameters<ImportedUsers['transaction']>[0]): Promise<T> {
    let added: readonly User[] = []
    const addAll = (users: readonly User[]): Promise<void> => {
      added = users
      return Promise.resolve()
    }
    let announced: string[] = []
    const announce = (consumer: string, ids: readonly UserId[]): Promise<void> => {
      announced = [`announce ${ids.join()} to ${consumer}`]
      return Promise.resolve()
    }
    const run = () => work({ holdings: () => Promise.resolve(holdingsOf(this.users)), addAll, announce })
    let result = await run()
    if (this.rival !== undefined) {
      this.users = [...this.users, this.rival]
      added = []
      announced = []
      this.rival = undefined
      result = await run()
    }
    this.users = [...this.users, ...added]
    this.calls.push(`add ${added.length}`, ...announced)
    return result as T
  }
}

const holdingsOf = (users: readonly User[]): Holdings => ({
  holders: users.map(({ id, username, email }) => ({ id, usernameKey: username.key, emailKey: email?.key })),
  looks: new Map(users.flatMap(({ id, username }) => looksOf(username).map((look) => [look, id] as const))),
  heldNames: new Set(['held']),
})

const row = (
  id: number | string | null,
  username: string | null = `person${id}`,
  changes: Partial<OldUser> = {},
): OldUser => ({
  id: id === null ? null : String(id),
  username,
  email: `${username ?? 'nobody'}@example.org`.replaceAll(/[^\w@.]/g, ''),
  password: 'known',
  hasPicture: false,
  ...changes,
})

const page = readFileSync(new URL('../../../../docs/import.md', import.meta.url), 'utf8')

let importedUsers: FakeImportedUsers
beforeEach(() => (importedUsers = new FakeImportedUsers()))

async function run(
  pages: readonly (readonly OldUser[])[],
  shouldStop: () => boolean = () => false,
  hasMessaging = false,
  mailIsOn = false,
) {
  const outcomes: Outcome[] = []
  let total: number | undefined
  const oldUsers = {
    survey: () => {
      const ids = pages.flat().map(({ id }) => parseUserId(id) ?? 0)
      return Promise.resolve({ count: ids.length, greatestId: parseUserId(Math.max(...ids)) })
    },
    pages: async function* () {
      yield* pages
      await Promise.resolve()
    },
  }
  const deps = {
    oldUsers,
    importedUsers,
    recognisesHash: (hash: string) => hash === 'known',
    reservedUsernames: reserveUsernames(['support']),
    hasMessaging,
    mailIsOn,
    clock: { now: () => noon },
  }
  const end = await importUsers(deps)({
    begin: (count) => (total = count),
    note: (page) => Promise.resolve(void outcomes.push(...page)),
    shouldStop,
  })
  const told = outcomes.map(({ row: { id }, outcome, remarks: [remark, ...more] }) =>
    [id, remark?.reason ?? outcome, remark?.takenBy, ...more.map(({ reason }) => reason)].filter(
      (word) => word !== undefined,
    ),
  )
  return { end, total, told, outcomes }
}

describe('importing users', () => {
  test('the import reserves all ids before it adds the first user', async () => {
    const { end, total } = await run([[row(1), row(2)], [row(7)]])
    expect(importedUsers.calls).toEqual(['reserve 7', 'add 2', 'add 1'])
    expect({ end, total }).toEqual({ end: 'done', total: 3 })
  })

  test('with a messaging service, the import sends it the users of each page, and those only once', async () => {
    const pages = [[row(1), row(2, '')], [row(7)]]
    await run(pages, undefined, true)
    const sent = ['add 1', 'announce 1 to messaging', 'add 1', 'announce 7 to messaging']
    expect(importedUsers.calls).toEqual(['reserve 7', ...sent])
    await run(pages, undefined, true)
    expect(importedUsers.calls.slice(sent.length + 1)).toEqual(['reserve 7', 'add 0', 'add 0'])
  })

  test('imported users look newly registered but keep their id and password hash', async () => {
    await run([[row(5, 'Anna')]])
    expect(importedUsers.users).toEqual([
      aUser({
        id: 5 as UserId,
        username: parseUsername('Anna'),
        email: parseEmailAddress('Anna@example.org'),
        passwordHash: 'known' as User['passwordHash'],
        createdAt: noon,
      }),
    ])
  })

  test.each([
    ['in one page', (rows: OldUser[]) => [rows]],
    ['page by page', (rows: OldUser[]) => rows.map((each) => [each])],
  ])('the first of several conflicting rows %s is imported', async (_, inPages) => {
    const rows = [
      row(1, 'paypal'),
      row(2, 'PayPal', { email: 'two@example.org' }),
      row(3, 'paypa1'),
      row(4, 'dora', { email: 'PAYPAL@example.org' }),
      row(1, 'emma'),
      row(5, 'fred'),
    ]
    const { told } = await run(inPages(rows))
    expect(told).toEqual([
      ['1', 'imported'],
      ['2', 'username_taken', 1],
      ['3', 'username_looks_taken', 1],
      ['4', 'email_taken', 1],
      ['1', 'id_taken', 1],
      ['5', 'imported'],
    ])
  })

  test('with mail, rows with one address are imported, and it belongs to the user who verifies it', async () => {
    const rows = [row(1, 'anna'), row(2, 'bert', { email: 'ANNA@example.org' })]
    const { told } = await run([rows], undefined, false, true)
    expect(told).toEqual([
      ['1', 'imported'],
      ['2', 'imported'],
    ])
  })

  test('the import leaves users unchanged who were imported before and changed since', async () => {
    const [renamed, moved] = [
      aUser({ id: 1 as UserId, username: parseUsername('berta') }),
      aUser({
        id: 2 as UserId,
        username: parseUsername('cleo'),
        email: parseEmailAddress('new@example.org'),
      }),
    ]
    importedUsers.users = [renamed, moved]
    const { told } = await run([[row(1, 'anna'), row(2, 'cleo')]])
    expect(told).toEqual([
      ['1', 'already_there'],
      ['2', 'already_there'],
    ])
    expect(importedUsers.users).toEqual([renamed, moved])
  })

  test('the import never reuses the id of another user', async () => {
    importedUsers.users = [aUser({ id: 1 as UserId })]
    expect((await run([[row(1, 'berta')]])).told).toEqual([['1', 'id_taken', 1]])
  })

  test('the import checks a page again if a user registered in the meantime', async () => {
    importedUsers.rival = aUser({
      id: 99 as UserId,
      username: parseUsername('berta'),
      email: parseEmailAddress('b@example.net'),
    })
    const { told } = await run([[row(1, 'anna'), row(2, 'berta')]])
    expect(told).toEqual([
      ['1', 'imported'],
      ['2', 'username_taken', 99],
    ])
    expect(importedUsers.users.map(({ id }) => id)).toEqual([99, 1])
  })

  test('the import stops between pages when asked to', async () => {
    let asked = 0
    const { end, told } = await run([[row(1)], [row(2)], [row(3)]], () => (asked += 1) > 2)
    expect(end).toBe('stopped')
    expect(told).toHaveLength(2)
  })

  test.each([
    ['id_invalid', row(null)],
    ['id_invalid', row('0')],
    ['id_invalid', row('-1')],
    ['id_invalid', row('1.5')],
    ['id_invalid', row('4503599627370497')],
    ['username_missing', row(1, null)],
    ['username_missing', row(1, '')],
    ['username_too_short', row(1, 'ann')],
    ['username_too_long', row(1, 'a'.repeat(33))],
    ['username_too_long', row(1, 'a'.repeat(10_000))],
    ['username_invalid_characters', row(1, 'ann a')],
    ['username_invalid_characters', row(1, 'ann@example')],
    ['username_held', row(1, 'held')],
    ['email_too_long', row(1, 'anna', { email: `${'a'.repeat(65)}@example.org` })],
    ['email_invalid_characters', row(1, 'anna', { email: 'anna berg@example.org' })],
    ['email_invalid_format', row(1, 'anna', { email: 'anna' })],
    ['password_missing', row(1, 'anna', { password: null })],
    ['password_hash_unknown', row(1, 'anna', { password: 'md5' })],
  ])('the import skips a row with the documented reason %s: %j', async (reason, broken) => {
    const { told } = await run([[broken, row(8, 'berta')]])
    expect(told).toEqual([
      [broken.id, reason],
      ['8', 'imported'],
    ])
    expect(page).toContain(`\`${reason}\``)
  })

  test.each(['....', 'pаypal', 'annа', 'x\u0301\u0302\u0303\u0304\u0306yz1', 'ᴀɴɴᴀ_ʟᴇᴇ', 'Support'])(
    'the import keeps %s, which only the rules for new names refuse',
    async (name) => {
      const { told } = await run([[row(1, name, { email: 'a@example.org' })]])
      expect(told).toEqual([['1', 'username_of_older_rules']])
      expect(importedUsers.users[0]?.username.text).toBe(name.normalize('NFC'))
    },
  )

  test.each([null, '', '  '])('a user whose address is %j is imported without one', async (email) => {
    const { outcomes, told } = await run([[row(1, 'anna', { email }), row(2, 'berta', { email })]])
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(['imported', 'imported'])
    expect(told).toEqual([
      ['1', 'email_missing'],
      ['2', 'email_missing'],
    ])
    expect(importedUsers.users).toMatchObject([
      { id: 1, email: undefined, emailVerified: false },
      { id: 2, email: undefined, emailVerified: false },
    ])
    expect(page).toContain('`email_missing`')
  })

  test('a user without an address and with a name of older rules has both remarks', async () => {
    const { told } = await run([[row(1, 'Support', { email: '' })]])
    expect(told).toEqual([['1', 'username_of_older_rules', 'email_missing']])
  })

  test('a user without an address is already there in a second import, even with a new name', async () => {
    importedUsers.users = [
      aUser({ id: 1 as UserId, username: parseUsername('berta'), email: undefined }),
      aUser({ id: 2 as UserId, username: parseUsername('cleo') }),
    ]
    const { outcomes } = await run([
      [row(1, 'anna', { email: '' }), row(2, 'cleo', { email: '' }), row(3, 'dora', { email: '' })],
    ])
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(['already_there', 'already_there', 'imported'])
  })

  test('the import accepts the largest allowed id', async () => {
    expect((await run([[row('4503599627370496')]])).told).toEqual([['4503599627370496', 'imported']])
  })
})
