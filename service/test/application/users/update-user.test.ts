import { beforeEach, describe, expect, test } from 'vitest'
import { passwordChecksIn, renamesOf } from '../../../src/application/attempt-budgets.ts'
import type { Caller } from '../../../src/application/sessions/caller.ts'
import { parseEmailAddress } from '../../../src/domain/email-address.ts'
import { changePassword, type User } from '../../../src/domain/user.ts'
import type { PasswordHash } from '../../../src/domain/password.ts'
import { parseLegacyUsername, parseUsername } from '../../../src/domain/username.ts'
import { outcomes } from '../../contracts/store.ts'
import { at, DAY } from '../../support/builders.ts'
import { aWorld, home, password, recentSeconds, type World } from '../world.ts'

let world: World
let anna: Caller

beforeEach(async () => {
  world = aWorld()
  await world.addUser('anna', { emailVerified: true })
  anna = await world.signInAsCaller()
})

interface Changes {
  username?: string
  email?: string
  currentPassword?: string
  cannotReauthenticate?: boolean
}

const update = (changes: Changes) =>
  world.useCases.updateUser(anna, {
    username: undefined,
    email: undefined,
    currentPassword: undefined,
    ...changes,
  })
const stored = () => world.store.world().users.get(anna.user.id)
const lastEvent = () => world.store.world().events.at(-1)
const save = (user: User) => world.store.transactions.transaction('system', (tx) => tx.users.save(user))

test('a new name is stored and emits an event', async () => {
  const updated = await update({ username: 'Berta' })
  expect(updated.username).toMatchObject({ text: 'Berta', key: 'berta' })
  expect(updated).toEqual({ ...anna.user, username: updated.username })
  expect(stored()).toEqual(updated)
  expect(lastEvent()).toEqual({
    type: 'user.updated',
    userId: anna.user.id,
    occurredAt: at(0),
    data: { username: 'Berta', changed: ['username'] },
  })
})

test('a new email address with the password is stored and unverified', async () => {
  const updated = await update({ email: 'new@example.org', currentPassword: password })
  const outdated = { emailVersion: 2, passwordVersion: 2 }
  const email = parseEmailAddress('new@example.org')
  expect(updated).toEqual({ ...anna.user, email, emailVerified: false, ...outdated })
  expect(stored()).toEqual(updated)
  expect(lastEvent()).toMatchObject({ data: { changed: ['email'] } })
  expect(world.attempts.countOf(passwordChecksIn(anna.session.id).key)).toBe(0)
})

test('a new name and address emit one event together', async () => {
  await update({ username: 'Berta', email: 'new@example.org', currentPassword: password })
  expect(lastEvent()).toMatchObject({ data: { username: 'Berta', changed: ['username', 'email'] } })
})

describe('a name that its user gives up', () => {
  test('the old name is held for 90 days, for that user', { tags: ['SESSION-19'] }, async () => {
    world.pass(9)
    await update({ username: 'Berta' })
    expect(world.store.world().heldNames).toEqual([
      { username: anna.user.username, until: at(9 + 90 * DAY), heldFor: anna.user.id },
    ])
  })

  test('only that user may take it back', { tags: ['SESSION-19'] }, async () => {
    await world.addUser('bert')
    const bert = await world.signInAsCaller({ username: 'bert' })
    await update({ username: 'Berta' })
    const taken = world.useCases.updateUser(bert, {
      username: 'anna',
      email: undefined,
      currentPassword: undefined,
    })
    await expect(taken).rejects.toMatchObject({ code: 'username_taken' })
    const registered = world.useCases.registerUser({
      username: 'Anna',
      email: 'new@example.org',
      password: 'a good passphrase',
      address: home,
      invitation: undefined,
      purchase: undefined,
    })
    await expect(registered).rejects.toMatchObject({ code: 'username_taken' })
    anna = await world.signInAsCaller({ username: 'Berta' })
    expect((await update({ username: 'ANNA' })).username.text).toBe('ANNA')
  })

  test('a change of the address holds no name', async () => {
    await update({ email: 'new@example.org', currentPassword: password })
    expect(world.store.world().heldNames).toEqual([])
  })
})

describe('changes of the name', () => {
  const count = () => world.attempts.countOf(renamesOf(anna.user.id).key)

  test('three changes succeed, and the next one a day after the third', { tags: ['LIMIT-13'] }, async () => {
    for (const username of ['anna1', 'anna2', 'anna3']) await update({ username })
    const refused = { code: 'too_many_attempts', details: { retryAfterSeconds: DAY } }
    await expect(update({ username: 'anna4' })).rejects.toMatchObject(refused)
    expect(await update({ username: 'anna' })).toMatchObject({ username: { text: 'anna3' } })
    await update({ email: 'new@example.org', currentPassword: password })
    world.pass(DAY)
    anna = await world.signInAsCaller({ username: 'anna3' })
    await update({ username: 'anna4', currentPassword: password })
  })

  test('of parallel changes only three succeed', { tags: ['LIMIT-13'] }, async () => {
    const changes = Array.from({ length: 10 }, (_, n) => update({ username: `annabel${n}` }))
    expect(await outcomes(changes)).toEqual([
      ...Array<string>(3).fill('done'),
      ...Array<string>(7).fill('too_many_attempts'),
    ])
  })

  test(
    'a refused change does not count, but only 30 a minute may be tried',
    { tags: ['LIMIT-13'] },
    async () => {
      await world.addUser('bert')
      for (let n = 0; n < 30; n += 1)
        await expect(update({ username: 'bert' })).rejects.toMatchObject({ code: 'username_taken' })
      expect(count()).toBe(0)
      await expect(update({ username: 'berta' })).rejects.toMatchObject({ code: 'too_many_attempts' })
      world.pass(60)
      await update({ username: 'berta' })
      expect(count()).toBe(1)
    },
  )
})

test('a reserved name is refused, and an operator who has one keeps it', async () => {
  await expect(update({ username: 'Admin' })).rejects.toMatchObject({
    code: 'validation_failed',
    details: { fields: [{ field: 'username', code: 'reserved' }] },
  })
  const admin = { ...anna.user, username: parseUsername('admin') }
  await save(admin)
  anna = { ...anna, user: admin }
  const changes = { username: 'admin', email: 'new@example.org', currentPassword: password }
  expect((await update(changes)).username.text).toBe('admin')
})

describe('a new email address', () => {
  test('a new email address with a wrong password is refused', async () => {
    await expect(update({ email: 'new@example.org', currentPassword: 'wrong' })).rejects.toMatchObject({
      code: 'validation_failed',
      details: { fields: [{ field: 'current_password', code: 'incorrect' }] },
    })
    expect(stored()).toEqual(anna.user)
  })

  test('guesses at the password for a new email address are limited', async () => {
    const guess = (currentPassword: string) => update({ email: 'new@example.org', currentPassword })
    for (let n = 0; n < 10; n += 1)
      await expect(guess('wrong')).rejects.toMatchObject({ code: 'validation_failed' })
    await expect(guess(password)).rejects.toMatchObject({ code: 'too_many_attempts' })
    expect(stored()).toEqual(anna.user)
  })

  test('an email address that differs only in case also needs the password', async () => {
    world.pass(recentSeconds + 1)
    await expect(update({ email: 'Anna@example.org' })).rejects.toMatchObject({
      code: 'reauthentication_required',
    })
    await update({ email: 'Anna@example.org', currentPassword: password })
    expect(stored()).toMatchObject({ email: { text: 'Anna@example.org' }, emailVerified: true })
  })
})

describe('a new email address by a client that cannot reauthenticate', () => {
  const email = 'new@example.org'
  const change = (more: Changes = {}) => update({ email, cannotReauthenticate: true, ...more })

  test(
    'a recent sign-in replaces the password, and the field shows when it is too old',
    { tags: ['SIGN-IN-21'] },
    async () => {
      world.pass(recentSeconds + 1)
      await expect(change()).rejects.toMatchObject({
        code: 'validation_failed',
        details: { fields: [{ field: 'current_password', code: 'required' }] },
      })
      expect(stored()).toEqual(anna.user)
      world.pass(-1)
      await change()
      expect(stored()).toMatchObject({ email: { text: email }, emailVerified: false })
    },
  )

  test('a refresh does not count as a recent sign-in', { tags: ['SIGN-IN-21'] }, async () => {
    const { refreshToken } = await world.signIn()
    world.pass(recentSeconds + 1)
    const refreshed = await world.useCases.refreshSession({
      refreshToken,
      address: home,
      userAgent: 'Mozilla/5.0',
    })
    anna = await world.useCases.authenticate(refreshed.accessToken)
    await expect(change()).rejects.toMatchObject({ code: 'validation_failed' })
  })

  test('a new email address is accepted with the password long after the sign-in', async () => {
    world.pass(60 * 60)
    await expect(change({ currentPassword: 'wrong' })).rejects.toMatchObject({
      details: { fields: [{ field: 'current_password', code: 'incorrect' }] },
    })
    expect(await change({ currentPassword: password })).toMatchObject({ email: { text: email } })
  })

  test('a new email address with a wrong password is refused despite a recent sign-in', async () => {
    await expect(change({ currentPassword: 'wrong' })).rejects.toMatchObject({ code: 'validation_failed' })
    expect(stored()).toEqual(anna.user)
  })

  test(
    'after five attempts without a password, nothing reveals which addresses are taken',
    { tags: ['SIGN-IN-21'] },
    async () => {
      await world.addUser('bert')
      const taken = () => change({ email: 'bert@example.org' })
      for (let n = 0; n < 5; n += 1) await expect(taken()).rejects.toMatchObject({ code: 'email_taken' })
      await expect(taken()).rejects.toMatchObject({ code: 'too_many_attempts' })
      await expect(change()).rejects.toMatchObject({ code: 'too_many_attempts' })
    },
  )
})

test('an existing name that breaks the current rules may stay', async () => {
  const adopted = parseLegacyUsername('annaа')
  if (adopted === undefined) throw new Error('it is mixed of two scripts, and no more')
  const before = { ...anna.user, username: adopted }
  await save(before)
  anna = { ...anna, user: before }
  const changed = await update({
    username: adopted.text,
    email: 'new@example.org',
    currentPassword: password,
  })
  expect(changed).toMatchObject({ username: adopted, email: { text: 'new@example.org' } })
  await expect(update({ username: `${adopted.text}b` })).rejects.toMatchObject({ code: 'validation_failed' })
})

test('an update without changes needs no password and emits no event', async () => {
  world.pass(recentSeconds + 1)
  const before = world.store.world()
  expect(await update({})).toEqual(anna.user)
  expect(await update({ username: 'anna', email: 'anna@example.org' })).toEqual(anna.user)
  expect(world.store.world()).toEqual(before)
})

test('an address that was changed in the meantime is not changed back without the password', async () => {
  await save({ ...anna.user, email: parseEmailAddress('new@example.org') })
  await update({ username: 'Berta', email: 'anna@example.org' })
  expect(stored()).toMatchObject({ username: { text: 'Berta' }, email: { text: 'new@example.org' } })
  expect(lastEvent()).toMatchObject({ data: { changed: ['username'] } })
})

test('a name that was changed in the meantime is not changed back without a recent authentication', async () => {
  world.pass(recentSeconds + 1)
  await save({ ...anna.user, username: parseUsername('berta') })
  await update({ username: 'anna' })
  expect(stored()).toMatchObject({ username: { text: 'berta' } })
})

test('an update with several faults names every field', async () => {
  await expect(update({ username: 'a', email: 'nowhere' })).rejects.toMatchObject({
    code: 'validation_failed',
    details: { fields: [{ field: 'username' }, { field: 'email' }] },
  })
})

test('a name or an address of another user is refused', async () => {
  await world.addUser('bert')
  await expect(update({ username: 'Bert' })).rejects.toMatchObject({ code: 'username_taken' })
  const taken = update({ email: 'bert@example.org', currentPassword: password })
  await expect(taken).rejects.toMatchObject({ code: 'email_taken' })
  expect(stored()).toEqual(anna.user)
})

describe('a changed address', () => {
  const email = 'new@example.org'

  test(
    'a change of address is kept for its undo, and its event comes first',
    { tags: ['RESET-9'] },
    async () => {
      world.pass(5)
      await update({ email, currentPassword: password })
      expect(world.store.world().emailChanges).toEqual([
        {
          userId: anna.user.id,
          version: 2,
          previous: anna.user.email,
          previousWasVerified: true,
          changedAt: at(5),
        },
      ])
      expect(world.store.world().events.slice(-2)).toMatchObject([
        { type: 'user.email_changed', data: { email_version: 2 } },
        { type: 'user.updated', data: { changed: ['email'] } },
      ])
    },
  )

  test('another spelling of the address is nothing to undo', async () => {
    await update({ email: 'ANNA@example.org', currentPassword: password })
    expect(world.store.world().emailChanges).toEqual([])
    expect(lastEvent()).toMatchObject({ type: 'user.updated' })
    expect(stored()).toMatchObject({ emailVerified: true, emailVersion: 2, passwordVersion: 1 })
  })

  test(
    'with mail, an address of another user may be set, and stays theirs',
    { tags: ['RESET-5'] },
    async () => {
      world = aWorld(() => ({ mailIsOn: true }))
      await world.addUser('anna')
      anna = await world.signInAsCaller()
      const bert = await world.addUser('bert', { emailVerified: true })
      const updated = await update({ email: 'bert@example.org', currentPassword: password })
      expect(updated).toMatchObject({ email: { text: 'bert@example.org' }, emailVerified: false })
      expect(await world.store.users.findByEmail('bert@example.org')).toEqual(bert)
    },
  )
})

describe('an update on a session', () => {
  test('an update on a session that has ended is refused', async () => {
    await world.useCases.endUserSessions('service:ops', anna.user.id)
    const refused = { code: 'session_ended', details: { reason: 'terminated_by_admin' } }
    await expect(update({ username: 'Berta' })).rejects.toMatchObject(refused)
    expect(stored()).toEqual(anna.user)
  })

  test('an update is unavailable if the password was changed in the meantime', async () => {
    const changed = changePassword(anna.user, 'fake$2$another' as PasswordHash)
    await save(changed)
    await expect(update({ username: 'Berta' })).rejects.toMatchObject({ code: 'unavailable' })
    expect(stored()).toEqual(changed)
  })

  test('an update keeps other changes made to the user in the meantime', async () => {
    await save({ ...anna.user, roles: ['admin'] })
    await update({ username: 'Berta' })
    expect(stored()).toMatchObject({ roles: ['admin'], username: { text: 'Berta' } })
  })
})
