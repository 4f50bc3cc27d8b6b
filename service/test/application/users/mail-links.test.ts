// Links in mails act as they promise, and a link that is not good does nothing.
import { beforeEach, describe, expect, test } from 'vitest'
import {
  emailVerificationsOf,
  linksFrom,
  newPasswordsOf,
  passwordResetMailsTo,
  passwordResetsFrom,
} from '../../../src/application/attempt-budgets.ts'
import type { ApplicationError } from '../../../src/application/errors.ts'
import type { MailLinkContent } from '../../../src/application/ports/mail-links.ts'
import type { UseCaseDeps } from '../../../src/application/use-cases.ts'
import { parseEmailAddress } from '../../../src/domain/email-address.ts'
import type { Session } from '../../../src/domain/session.ts'
import { deleteUser, disable, type User } from '../../../src/domain/user.ts'
import { hasherWith } from '../../fakes/fake-password-hasher.ts'
import { outcomes } from '../../contracts/store.ts'
import { aBan, at, DAY, HOUR } from '../../support/builders.ts'
import { away, aWorld, home, password, type World } from '../world.ts'

let world: World
let anna: User

async function begin(replace?: (deps: UseCaseDeps) => Partial<UseCaseDeps>): Promise<void> {
  world = aWorld((deps) => ({ mailIsOn: true, ...replace?.(deps) }))
  anna = await world.addUser('anna')
}
beforeEach(() => begin())

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never
type Purpose = DistributiveOmit<MailLinkContent, 'userId' | 'expiresAt'>

const linkOf = (purpose: Purpose, { id: userId }: User = anna, expiresAt = at(HOUR)): string =>
  world.deps.mailLinks.issue({ ...purpose, userId, expiresAt })
const resetLink = (user = anna) =>
  linkOf({ purpose: 'reset_password', passwordVersion: user.passwordVersion }, user)
const verifyLink = (user = anna) => linkOf({ purpose: 'verify_email', emailVersion: user.emailVersion }, user)

const newPassword = 'battery staple'
const reset = (token = resetLink(), wanted = newPassword) =>
  world.useCases.resetPassword({ token, newPassword: wanted, address: home })
const verify = (token = verifyLink()) => world.useCases.verifyEmail({ token, address: home })
const undo = (emailVersion: number) =>
  world.useCases.undoEmailChange({
    token: linkOf({ purpose: 'undo_email_change', emailVersion }),
    address: home,
  })
const endByLink = ({ id: sessionId }: Session, user = anna) =>
  world.useCases.endSessionByLink({
    token: linkOf({ purpose: 'end_session', sessionId }, user),
    address: home,
  })

const stored = (user = anna): User => world.store.world().users.get(user.id) as User
const save = (user: User) => world.store.transactions.transaction('system', (tx) => tx.users.save(user))
const changeEmail = async (email: string) =>
  world.useCases.updateUser(await world.signInAsCaller(), {
    username: undefined,
    email,
    currentPassword: undefined,
  })
const gone = { code: 'link_gone' }

describe('requesting a new password', () => {
  const request = (email: string, address = home, proof?: string) =>
    world.useCases.requestPasswordReset({ email, address, purchase: { proof } })
  const accept = () => world.useCases.acceptPasswordResets(10)
  const requested = () =>
    world.store
      .world()
      .events.filter(({ type }) => type === 'user.password_reset_requested')
      .map(({ userId, data }) => [userId, data])

  test(
    'a request for any address is only stored, without a look at users',
    { tags: ['RESET-6'] },
    async () => {
      const looks: string[] = []
      const watched = <T extends object>(port: T): T =>
        new Proxy(port, {
          get: (target, name) => {
            looks.push(String(name))
            return Reflect.get(target, name) as unknown
          },
        })
      await begin(({ users, sessions }) => ({ users: watched(users), sessions: watched(sessions) }))
      for (const email of ['anna@example.org', 'nobody@example.org']) await request(email)
      expect(looks).toEqual([])
      expect(world.store.world()).toMatchObject({
        resetRequests: ['anna@example.org', 'nobody@example.org'],
        events: [],
      })
    },
  )

  test('an accepted request becomes one event of the owner, and none for an unknown address', async () => {
    for (const email of ['ANNA@example.org', 'anna@example.org', 'nobody@example.org']) await request(email)
    expect(await accept()).toBe(3)
    expect(requested()).toEqual([[anna.id, { password_version: 1 }]])
    expect(await accept()).toBe(0)
    expect(world.store.world().actors).toEqual(['system'])
  })

  test(
    'a request reaches every unverified holder, so nobody can keep a reset from the owner',
    { tags: ['RESET-1'] },
    async () => {
      const bert = await world.addUser('bert', { email: anna.email })
      await request('anna@example.org')
      await accept()
      expect(requested().map(([id]) => id)).toEqual([anna.id, bert.id])
    },
  )

  test('a request reaches only the user who verified the address', { tags: ['RESET-1'] }, async () => {
    const bert = await world.addUser('bert', { email: anna.email, emailVerified: true })
    await request('anna@example.org')
    await accept()
    expect(requested().map(([id]) => id)).toEqual([bert.id])
  })

  test('a disabled user gets no link', { tags: ['RESET-7'] }, async () => {
    await save(disable(anna, aBan()))
    await request('anna@example.org')
    expect(await accept()).toBe(1)
    expect(requested()).toEqual([])
  })

  test(
    'requests of a network are limited, and a proof of work buys one',
    { tags: ['RESET-10'] },
    async () => {
      for (let n = 0; n < 20; n += 1) await request(`nobody${n}@example.org`)
      const refused = await request('anna@example.org').catch((error: unknown) => error as ApplicationError)
      expect(refused).toMatchObject({
        code: 'too_many_attempts',
        details: { challenge: expect.anything() as object },
      })
      await request('anna@example.org', away)
      const { challenge } = (refused as ApplicationError).details
      await request('anna@example.org', home, challenge?.signature)
      expect(world.attempts.countOf(passwordResetsFrom(home)[0]?.key ?? '')).toBe(20)
    },
  )

  test(
    'an address gets few mails, and further requests are accepted in silence',
    { tags: ['RESET-10'] },
    async () => {
      for (let n = 0; n < 8; n += 1) await request('anna@example.org')
      expect(world.store.world().resetRequests).toHaveLength(5)
      expect(world.attempts.countOf(passwordResetMailsTo('anna@example.org').key)).toBe(5)
      world.pass(10 * 60)
      await request('anna@example.org')
      expect(world.store.world().resetRequests).toHaveLength(6)
    },
  )

  test('an address that cannot be one is refused, and so is any without mail', async () => {
    await expect(request('anna')).rejects.toMatchObject({ details: { fields: [{ field: 'email' }] } })
    await begin(() => ({ mailIsOn: false }))
    await expect(request('anna@example.org')).rejects.toMatchObject({ code: 'no_mail' })
    expect(world.store.world().resetRequests).toEqual([])
  })
})

describe('setting a new password by a link', () => {
  test(
    'it replaces the password, ends every session and verifies the address',
    { tags: ['RESET-8'] },
    async () => {
      await world.signIn()
      await world.signIn()
      const saved = await reset()
      expect(stored()).toEqual({
        ...anna,
        passwordHash: `fake$2$${newPassword}`,
        passwordVersion: 2,
        emailVerified: true,
      })
      expect(saved).toEqual(stored())
      expect([1, 2].map((n) => world.session(n)?.endReason)).toEqual(['password_changed', 'password_changed'])
      await expect(world.signIn()).rejects.toMatchObject({ code: 'invalid_credentials' })
      await world.signIn({ password: newPassword })
    },
  )

  test('the link works once, also for two browsers at the same time', { tags: ['RESET-7'] }, async () => {
    const token = resetLink()
    expect(await outcomes([reset(token), reset(token, 'staple battery')])).toEqual(['done', 'link_gone'])
    await expect(reset(token)).rejects.toMatchObject(gone)
  })

  test(
    'every change of the password or the address ends the links before',
    { tags: ['RESET-7'] },
    async () => {
      const token = resetLink()
      await world.useCases.changePassword(await world.signInAsCaller(), {
        currentPassword: password,
        newPassword,
      })
      await expect(reset(token)).rejects.toMatchObject(gone)
      const next = resetLink(stored())
      await world.useCases.updateUser(await world.signInAsCaller({ password: newPassword }), {
        username: undefined,
        email: 'new@example.org',
        currentPassword: undefined,
      })
      await expect(reset(next, 'staple battery')).rejects.toMatchObject(gone)
      await reset(resetLink(stored()), 'staple battery')
    },
  )

  test(
    'a link that has expired, is not ours or is for somebody deleted is refused',
    { tags: ['RESET-7'] },
    async () => {
      const expiring = resetLink()
      world.pass(HOUR)
      await expect(reset(expiring)).rejects.toMatchObject(gone)
      const good = linkOf({ purpose: 'reset_password', passwordVersion: 1 }, anna, at(2 * HOUR))
      for (const token of ['', 'nonsense', verifyLink()])
        await expect(reset(token)).rejects.toMatchObject(gone)
      await save(deleteUser(anna, at(1)))
      await expect(reset(good)).rejects.toMatchObject(gone)
    },
  )

  test(
    'a disabled user is refused with the reason, and the link stays good',
    { tags: ['RESET-7'] },
    async () => {
      const token = resetLink()
      await save(disable(anna, aBan({ publicReason: 'Advertisements' })))
      const refused = { code: 'user_disabled', details: { reason: 'Advertisements' } }
      await expect(reset(token)).rejects.toMatchObject(refused)
      await save(anna)
      await reset(token)
    },
  )

  test('a weak password is refused, and the link stays good', { tags: ['RESET-7'] }, async () => {
    const token = resetLink()
    for (const [weak, code] of [
      ['short', 'too_short'],
      ['password1', 'too_common'],
      ['my name is anna', 'personal'],
    ] as const) {
      const fields = [{ field: 'new_password', code }]
      await expect(reset(token, weak)).rejects.toMatchObject({
        code: 'validation_failed',
        details: { fields },
      })
    }
    expect(world.attempts.countOf(linksFrom(home)[0]?.key ?? '')).toBe(0)
    await reset(token)
  })

  test('a ban or a new password while the new one is hashed wins', { tags: ['RESET-7'] }, async () => {
    let meanwhile: () => Promise<unknown> = () => Promise.resolve()
    await begin(({ passwords }) => ({
      passwords: hasherWith(passwords, {
        hash: async (...given) => {
          await meanwhile()
          return passwords.hash(...given)
        },
      }),
    }))
    meanwhile = () => save(disable(anna, aBan()))
    await expect(reset()).rejects.toMatchObject({ code: 'user_disabled' })
    await save(anna)
    meanwhile = () => save({ ...anna, passwordVersion: 2 })
    await expect(reset()).rejects.toMatchObject(gone)
    expect(stored()).toEqual({ ...anna, passwordVersion: 2 })
  })

  test('a sign-in in flight with the old password fails after a reset', { tags: ['RESET-8'] }, async () => {
    await begin(({ passwords }) => ({
      passwords: hasherWith(passwords, {
        verify: async (...given) => {
          const result = await passwords.verify(...given)
          await reset()
          return result
        },
      }),
    }))
    await expect(world.signIn()).rejects.toMatchObject({ code: 'invalid_credentials' })
    expect(world.store.world().sessions.size).toBe(0)
  })

  test(
    'an address that another user has verified meanwhile stays theirs',
    { tags: ['RESET-3'] },
    async () => {
      const token = resetLink()
      const bert = await world.addUser('bert', { email: anna.email, emailVerified: true })
      await reset(token)
      expect(stored()).toMatchObject({ passwordVersion: 2, emailVerified: false })
      expect(await world.store.users.findByEmail('anna@example.org')).toEqual(bert)
      expect(world.eventTypes()).toEqual(['user.password_reset'])
    },
  )

  test('an overloaded hasher uses up neither the link nor an attempt', async () => {
    world.passwords.isFull = true
    await expect(reset()).rejects.toMatchObject({ code: 'overloaded' })
    expect(world.attempts.countOf(newPasswordsOf(anna.id).key)).toBe(0)
    world.passwords.isFull = false
    await reset()
  })
})

describe('verifying an address', () => {
  test('a link verifies the address once', { tags: ['RESET-7'] }, async () => {
    const token = verifyLink()
    expect(await verify(token)).toEqual({ ...anna, emailVerified: true })
    expect(stored()).toEqual({ ...anna, emailVerified: true })
    await expect(verify(token)).rejects.toMatchObject(gone)
    expect(world.eventTypes()).toEqual(['user.email_verified'])
  })

  test(
    'a link is good for the address to which it was sent, and for no other',
    { tags: ['RESET-7'] },
    async () => {
      const token = verifyLink()
      await changeEmail('new@example.org')
      await changeEmail('anna@example.org')
      await expect(verify(token)).rejects.toMatchObject(gone)
      await verify(verifyLink(stored()))
    },
  )

  test('the second holder who verifies an address is refused it', { tags: ['RESET-3'] }, async () => {
    const bert = await world.addUser('bert', { email: anna.email })
    await verify(verifyLink(bert))
    await expect(verify()).rejects.toMatchObject({ code: 'email_taken' })
    expect(stored()).toEqual(anna)
  })

  test(
    'an expired link, one for another purpose and one of a deleted user are refused',
    { tags: ['RESET-7'] },
    async () => {
      const expired = linkOf({ purpose: 'verify_email', emailVersion: 1 }, anna, at(0))
      for (const token of [expired, resetLink()]) await expect(verify(token)).rejects.toMatchObject(gone)
      await save(deleteUser(anna, at(1)))
      await expect(verify()).rejects.toMatchObject(gone)
    },
  )

  test(
    'another mail can be requested, a few times, unless the address is verified',
    { tags: ['RESET-10'] },
    async () => {
      const caller = await world.signInAsCaller()
      for (let n = 0; n < 5; n += 1) await world.useCases.requestEmailVerification(caller)
      const refused = { code: 'too_many_attempts' }
      await expect(world.useCases.requestEmailVerification(caller)).rejects.toMatchObject(refused)
      expect(world.eventTypes().slice(1)).toEqual(Array<string>(5).fill('user.email_verification_requested'))
      expect(world.attempts.countOf(emailVerificationsOf(anna.id).key)).toBe(5)
      world.pass(60)
      await save({ ...anna, emailVerified: true })
      await world.useCases.requestEmailVerification(caller)
      expect(world.eventTypes()).toHaveLength(6)
    },
  )

  test('there is nothing to verify without an address, and nothing is sent without mail', async () => {
    await world.addUser('bert', { email: undefined })
    const bert = await world.signInAsCaller({ username: 'bert' })
    const fields = [{ field: 'email', code: 'required' }]
    await expect(world.useCases.requestEmailVerification(bert)).rejects.toMatchObject({ details: { fields } })
    await begin(() => ({ mailIsOn: false }))
    const caller = await world.signInAsCaller()
    await expect(world.useCases.requestEmailVerification(caller)).rejects.toMatchObject({ code: 'no_mail' })
  })
})

describe('undoing a change of address', () => {
  beforeEach(async () => {
    await verify()
    anna = stored()
  })

  test('the earlier address comes back verified, and every session ends', { tags: ['RESET-9'] }, async () => {
    await changeEmail('thief@example.net')
    await undo(2)
    expect(stored()).toEqual({ ...anna, emailVersion: 3, passwordVersion: 3 })
    expect(world.session(1)?.endReason).toBe('credentials_changed')
    expect(world.eventTypes().slice(-3)).toEqual([
      'user.email_change_undone',
      'user.password_reset_requested',
      'session.ended',
    ])
    await expect(undo(2)).rejects.toMatchObject(gone)
  })

  test(
    'a thief who uses up the requests for the address keeps no new password from its owner',
    { tags: ['RESET-9', 'RESET-10'] },
    async () => {
      await changeEmail('thief@example.net')
      const ask = () =>
        world.useCases.requestPasswordReset({ email: 'anna@example.org', address: away, purchase: undefined })
      for (let n = 0; n < 6; n += 1) await ask()
      await world.useCases.acceptPasswordResets(10)
      await undo(2)
      expect(world.store.world().events).toContainEqual(
        expect.objectContaining({
          type: 'user.password_reset_requested',
          userId: anna.id,
          data: { password_version: stored().passwordVersion },
        }),
      )
    },
  )

  test('links that the thief got at the other address are void', { tags: ['RESET-9'] }, async () => {
    await changeEmail('thief@example.net')
    const [theirs, verifying] = [resetLink(stored()), verifyLink(stored())]
    await undo(2)
    await expect(reset(theirs)).rejects.toMatchObject(gone)
    await expect(verify(verifying)).rejects.toMatchObject(gone)
  })

  test(
    'an undo removes later changes, and earlier ones can still be undone',
    { tags: ['RESET-9'] },
    async () => {
      await changeEmail('second@example.org')
      await verify(verifyLink(stored()))
      await changeEmail('third@example.org')
      await verify(verifyLink(stored()))
      await changeEmail('fourth@example.org')
      await undo(3)
      expect(stored()).toMatchObject({ email: { key: 'second@example.org' }, emailVerified: true })
      await expect(undo(4)).rejects.toMatchObject(gone)
      await undo(2)
      expect(stored()).toMatchObject({ email: { key: 'anna@example.org' }, emailVerified: true })
    },
  )

  test(
    'an unverified address cannot take itself back: it may have been mistyped',
    { tags: ['RESET-9'] },
    async () => {
      await changeEmail('mistyped@example.org')
      await changeEmail('anna@example.org')
      await expect(undo(3)).rejects.toMatchObject(gone)
      expect(stored()).toMatchObject({ email: { key: 'anna@example.org' } })
    },
  )

  test('an address that another user has verified meanwhile comes back unverified', async () => {
    await changeEmail('new@example.org')
    const bert = await world.addUser('bert', {
      email: parseEmailAddress('anna@example.org'),
      emailVerified: true,
    })
    await undo(2)
    expect(stored()).toMatchObject({ email: { key: 'anna@example.org' }, emailVerified: false })
    expect(await world.store.users.findByEmail('anna@example.org')).toEqual(bert)
  })

  test('an expired link changes nothing, nor does one of a deleted user', { tags: ['RESET-7'] }, async () => {
    await changeEmail('new@example.org')
    world.pass(HOUR)
    await expect(undo(2)).rejects.toMatchObject(gone)
    await save(deleteUser(stored(), at(1)))
    const token = linkOf({ purpose: 'undo_email_change', emailVersion: 2 }, anna, at(7 * DAY))
    await expect(world.useCases.undoEmailChange({ token, address: home })).rejects.toMatchObject(gone)
  })

  test(
    'a link of a clock that was ahead is refused until any link of now would have expired',
    { tags: ['RESET-7'] },
    async () => {
      await changeEmail('new@example.org')
      const { passwordVersion, emailVersion } = stored()
      const sessionId = (await world.signIn()).session.id
      const years = 2 * 365 * DAY
      const from = (purpose: Purpose) => linkOf(purpose, anna, at(years))
      const { useCases } = world
      const reset = {
        token: from({ purpose: 'reset_password', passwordVersion }),
        newPassword,
        address: home,
      }
      await expect(useCases.resetPassword(reset)).rejects.toMatchObject(gone)
      for (const [act, purpose] of [
        [useCases.verifyEmail, { purpose: 'verify_email', emailVersion }],
        [useCases.undoEmailChange, { purpose: 'undo_email_change', emailVersion }],
        [useCases.endSessionByLink, { purpose: 'end_session', sessionId }],
      ] as const)
        await expect(act({ token: from(purpose), address: home })).rejects.toMatchObject(gone)
      world.pass(years - HOUR)
      expect(await useCases.resetPassword(reset)).toMatchObject({ id: anna.id })
    },
  )

  test('a deletion forgets the earlier addresses', async () => {
    await changeEmail('new@example.org')
    await world.useCases.deleteUser(await world.signInAsCaller(), { currentPassword: password })
    expect(world.store.world().emailChanges).toEqual([])
  })
})

describe('ending a session by a link', () => {
  test('the session ends, and a second click changes nothing', { tags: ['RESET-7'] }, async () => {
    const { session } = await world.signIn()
    const other = await world.signIn()
    expect(await endByLink(session)).toBe(anna.id)
    const after = world.store.world()
    await endByLink(session)
    expect(world.store.world()).toEqual(after)
    expect(world.session(1)).toMatchObject({ endReason: 'terminated' })
    expect(world.store.world().sessions.get(other.session.id)?.endedAt).toBeUndefined()
    expect(world.store.world().actors.at(-1)).toBe(`user:${anna.id}`)
  })

  test('a session of another user does not end', { tags: ['RESET-7'] }, async () => {
    const bert = await world.addUser('bert')
    const { session } = await world.signIn()
    await endByLink(session, bert)
    expect(world.session(1)?.endedAt).toBeUndefined()
  })
})

describe('links that are refused', () => {
  const refusals = async () => {
    await world.refusals.flush()
    return world.store.world().audit.filter(({ action }) => action === 'link.refused')
  }

  test('a refused link is noted, with its user if it is ours', { tags: ['RESET-11'] }, async () => {
    await expect(verify('nonsense')).rejects.toMatchObject(gone)
    await expect(verify(linkOf({ purpose: 'verify_email', emailVersion: 9 }))).rejects.toMatchObject(gone)
    expect(await refusals()).toMatchObject([
      { result: 'link_gone', subject: undefined },
      { result: 'link_gone', subject: anna.id },
    ])
  })

  test('bad links count, good ones do not', { tags: ['RESET-10'] }, async () => {
    for (let n = 0; n < 60; n += 1) await expect(verify('nonsense')).rejects.toMatchObject(gone)
    await expect(verify()).rejects.toMatchObject({ code: 'too_many_attempts' })
    world.pass(1)
    await verify()
    expect(world.attempts.countOf(linksFrom(home)[0]?.key ?? '')).toBe(60)
  })
})

describe('signing up with mail', () => {
  const register = (username: string, email: string) =>
    world.useCases.registerUser({
      username,
      email,
      password: 'a good passphrase',
      invitation: undefined,
      address: home,
      purchase: undefined,
    })

  test('a taken address gets the same response as a free one', { tags: ['RESET-5'] }, async () => {
    await verify()
    const [taken, free] = [
      await register('Bert', 'anna@example.org'),
      await register('Cleo', 'cleo@example.org'),
    ]
    const { id, username, email, ...rest } = taken
    const { id: otherId, username: otherName, email: otherEmail, ...others } = free
    expect(rest).toEqual(others)
    expect(id).toBeLessThan(otherId)
    expect([username.key, otherName.key, email?.key, otherEmail?.key]).toEqual([
      'bert',
      'cleo',
      'anna@example.org',
      'cleo@example.org',
    ])
    expect(await world.store.users.findByEmail('anna@example.org')).toEqual(stored())
  })
})
