import { describe, expect, test } from 'vitest'
import { ApplicationError } from '../../../src/application/errors.ts'
import type { StoredEvent } from '../../../src/application/ports/deliveries.ts'
import type { MailLinkPurpose } from '../../../src/application/ports/mail-links.ts'
import type { EmailChange } from '../../../src/domain/email-change.ts'
import { parseEmailAddress } from '../../../src/domain/email-address.ts'
import {
  emailChanged,
  emailChangeUndone,
  emailVerificationRequested,
  emailVerified,
  factorAdded,
  factorRemoved,
  passwordChanged,
  passwordReset,
  passwordResetRequested,
  refreshTokenReused,
  sessionCreated,
  sessionEnded,
  userCreated,
  userDeleted,
  userDisabled,
  userUpdated,
  type DomainEvent,
} from '../../../src/domain/event.ts'
import { ownerAmong } from '../../../src/domain/email-owner.ts'
import { endSession, type Session } from '../../../src/domain/session.ts'
import type { User, UserId } from '../../../src/domain/user.ts'
import { parseUsername } from '../../../src/domain/username.ts'
import { HmacMailLinks } from '../../../src/infrastructure/crypto/hmac-mail-links.ts'
import { MailConsumer } from '../../../src/infrastructure/mail/mail-consumer.ts'
import { MailTemplates } from '../../../src/infrastructure/mail/mail-templates.ts'
import type { Mail } from '../../../src/infrastructure/mail/mailer.ts'
import { aBan, aDevice, aSession, at, aUser, DAY, HOUR } from '../../support/builders.ts'

const templates = await MailTemplates.load({
  brandName: 'Chat',
  brandColor: '#2563eb',
  publicUrl: 'https://auth.example.org',
  templates: undefined,
})
const links = new HmacMailLinks({ current: 'a secret of the tests, long enough', previous: [] })
const stored = (event: DomainEvent): StoredEvent => ({ ...event, id: 'event-1', version: 1, actor: 'system' })

const anna = aUser({ emailVerified: true })
const other = aUser({ id: 43 as UserId, username: parseUsername('other_one') })
const present = aSession()

interface World {
  readonly users?: readonly User[]
  readonly sessions?: readonly Session[]
  readonly changes?: readonly EmailChange[]
  readonly isOverBudget?: boolean
}

function aConsumer({ users = [anna], sessions = [present], changes = [], isOverBudget = false }: World) {
  const sent: Mail[] = []
  const budgets: string[] = []
  const consumer = new MailConsumer({
    users: {
      find: (id) => Promise.resolve(users.find((user) => user.id === id)),
      findByEmail: (key) => {
        const holders = users.filter(({ email }) => email?.key === key)
        return Promise.resolve(ownerAmong(holders.toSorted((a, b) => +b.emailVerified - +a.emailVerified)))
      },
    },
    sessions: {
      find: (userId, id) => {
        const user = users.find((each) => each.id === userId)
        const session = sessions.find((each) => each.id === id && each.userId === userId)
        return Promise.resolve(user && session && { user, session })
      },
    },
    emailChanges: {
      find: (userId, version) =>
        Promise.resolve(changes.find((each) => each.userId === userId && each.version === version)),
    },
    attempts: {
      take: ([budget]) => {
        if (isOverBudget) return Promise.reject(new ApplicationError('too_many_attempts'))
        budgets.push(budget?.key ?? '')
        return Promise.resolve()
      },
    },
    links,
    templates,
    publicUrl: 'https://auth.example.org',
    mailer: {
      send: (mail) => {
        sent.push(mail)
        return Promise.resolve()
      },
      verify: () => Promise.resolve(),
      close: () => undefined,
    },
  })
  return { consumer, sent, budgets }
}

/** The mail that follows from an event an hour later. */
async function mailAfter(event: DomainEvent, world: World = {}): Promise<Mail | undefined> {
  const { consumer, sent } = aConsumer(world)
  expect(consumer.wants(stored(event))).toBe(true)
  await consumer.receive(stored(event), at(HOUR), 1)
  expect(sent.length).toBeLessThanOrEqual(1)
  return sent[0]
}

/** The content of the one link in a mail, which is the same in text and page. */
function linkIn<P extends MailLinkPurpose>(mail: Mail | undefined, page: string, purpose: P) {
  const inText = mail?.text.match(/https:\/\/\S+/g) ?? []
  const inPage = new Set([...(mail?.html.matchAll(/href="([^"]*)"/g) ?? [])].map(([, target]) => target))
  expect(inPage).toEqual(new Set(inText))
  expect(inText).toHaveLength(1)
  const [address, token = ''] = inText[0]?.split('#token=') ?? []
  expect(address).toBe(`https://auth.example.org/${page}`)
  return links.verify(token, purpose)
}

const hasNoLink = (mail: Mail | undefined): void => {
  expect(mail?.text).not.toContain('https://')
  expect(mail?.html).not.toContain('href')
}

describe('mail to verify an address', () => {
  const unverified = aUser()

  test.each([
    ['a sign-up', userCreated(unverified)],
    ['another address', userUpdated(unverified, ['username', 'email'], at(0))],
    ['a request', emailVerificationRequested(unverified.id, 1, at(0))],
  ])('%s sends a link to the present address that verifies it for 24 hours', async (_, event) => {
    const mail = await mailAfter(event, { users: [unverified] })
    expect(mail).toMatchObject({ id: 'event-1', to: 'anna@example.org', sentAt: at(HOUR) })
    expect(linkIn(mail, 'verify-email', 'verify_email')).toEqual({
      purpose: 'verify_email',
      userId: 42,
      emailVersion: 1,
      expiresAt: at(HOUR + DAY),
    })
  })

  test('a mail to verify an address names the account, and the name cannot become a link', async () => {
    const named = aUser({ username: parseUsername('www.example.org') })
    const mail = await mailAfter(userCreated(named), { users: [named] })
    for (const part of [mail?.text, mail?.html]) {
      expect(part).toContain('www.\u2060example.\u2060org')
      expect(part).not.toContain('www.example')
    }
  })

  test(
    'the owner learns that somebody used the address, and nobody gets a link',
    { tags: ['MAIL-7'] },
    async () => {
      const newcomer = { ...other, email: anna.email }
      const mail = await mailAfter(userCreated(newcomer), { users: [anna, newcomer] })
      expect(mail).toMatchObject({ to: 'anna@example.org', subject: 'Somebody entered your address at Chat' })
      expect(mail?.text).toContain('your account anna,')
      expect(JSON.stringify(mail)).not.toContain('other_one')
      hasNoLink(mail)
    },
  )

  test('two users with an unverified address each get a link of their own', async () => {
    const newcomer = { ...other, email: unverified.email }
    const mail = await mailAfter(userCreated(newcomer), { users: [unverified, newcomer] })
    expect(linkIn(mail, 'verify-email', 'verify_email')?.userId).toBe(43)
  })

  test.each<[string, DomainEvent, readonly User[]]>([
    ['it was verified meanwhile', userCreated(anna), [anna]],
    ['the user has another address by now', userCreated(unverified), [aUser({ emailVersion: 2 })]],
    [
      'a later one was asked for',
      emailVerificationRequested(unverified.id, 1, at(0)),
      [aUser({ emailVersion: 2 })],
    ],
    ['there is no address', userCreated(unverified), [aUser({ email: undefined })]],
    ['the user is banned', userCreated(unverified), [aUser({ ban: aBan() })]],
    ['the user is gone', userCreated(unverified), []],
  ])('no address is verified if %s', async (_, event, users) => {
    expect(await mailAfter(event, { users })).toBeUndefined()
  })

  test('mails to one address have a budget, and more are dropped', { tags: ['MAIL-8'] }, async () => {
    const { consumer, sent, budgets } = aConsumer({ users: [unverified] })
    await consumer.receive(stored(userCreated(unverified)), at(0), 1)
    expect(budgets).toEqual(['verification-mail:address:anna@example.org'])
    const over = aConsumer({ users: [unverified], isOverBudget: true })
    await over.consumer.receive(stored(userCreated(unverified)), at(0), 1)
    expect([sent.length, over.sent.length]).toEqual([1, 0])
    const newcomer = { ...other, email: anna.email }
    const used = aConsumer({ users: [anna, newcomer], isOverBudget: true })
    await used.consumer.receive(stored(userCreated(newcomer)), at(0), 1)
    expect(used.sent).toEqual([])
  })

  test(
    'only the first attempt counts, so that a mail that is often interrupted is not lost',
    { tags: ['MAIL-9'] },
    async () => {
      const { consumer, sent, budgets } = aConsumer({ users: [unverified] })
      await consumer.receive(stored(userCreated(unverified)), at(0), 1)
      await consumer.receive(stored(userCreated(unverified)), at(60), 2)
      expect([sent.length, budgets.length]).toEqual([2, 1])
      const over = aConsumer({ users: [unverified], isOverBudget: true })
      await over.consumer.receive(stored(userCreated(unverified)), at(60), 2)
      expect(over.sent).toHaveLength(1)
    },
  )
})

describe('mail about a new address', () => {
  const moved = aUser({ email: parseEmailAddress('thief@example.com'), emailVersion: 2 })
  const change: EmailChange = {
    userId: anna.id,
    version: 2,
    previous: parseEmailAddress('anna@example.org'),
    previousWasVerified: true,
    changedAt: at(0),
  }
  const event = emailChanged(anna.id, 2, at(0))

  test(
    'a change of address sends a link to the old one that undoes it within 7 days',
    { tags: ['MAIL-12'] },
    async () => {
      const mail = await mailAfter(event, { users: [moved], changes: [change] })
      expect(mail).toMatchObject({ to: 'anna@example.org', subject: 'Your Chat address was changed' })
      expect(linkIn(mail, 'undo-email-change', 'undo_email_change')).toEqual({
        purpose: 'undo_email_change',
        userId: 42,
        emailVersion: 2,
        // The change is kept for this long.
        expiresAt: at(7 * DAY),
      })
      expect(mail?.text).toContain('The link works until 8 March 2026, 12:00 UTC.')
      expect(JSON.stringify(mail)).not.toContain('thief')
    },
  )

  test.each<[string, readonly EmailChange[]]>([
    ['it was undone', []],
    ['the old address was never verified', [{ ...change, previousWasVerified: false }]],
    ['it cannot be undone any more', [{ ...change, changedAt: at(HOUR - 7 * DAY) }]],
    ['it is of another user', [{ ...change, userId: other.id }]],
  ])('a change of address sends nothing if %s', async (_, changes) => {
    expect(await mailAfter(event, { users: [moved], changes })).toBeUndefined()
  })

  test('an address that was restored gets a notice', async () => {
    const mail = await mailAfter(emailChangeUndone(anna.id, at(0)))
    expect(mail).toMatchObject({ to: 'anna@example.org', subject: 'Your Chat address was restored' })
    hasNoLink(mail)
  })
})

describe('mail about passwords', () => {
  test('a reset sends a link that names the account and works for one hour from sending', async () => {
    const mail = await mailAfter(passwordResetRequested(anna, at(0)))
    expect(mail).toMatchObject({ to: 'anna@example.org', subject: 'Reset your Chat password' })
    expect(mail?.text).toContain('your account anna at')
    expect(linkIn(mail, 'reset', 'reset_password')).toEqual({
      purpose: 'reset_password',
      userId: 42,
      passwordVersion: 1,
      expiresAt: at(2 * HOUR),
    })
  })

  test('each of several users with an unverified address gets a link for a new password', async () => {
    const both = [aUser(), { ...other, email: anna.email }]
    for (const user of both) {
      const mail = await mailAfter(passwordResetRequested(user, at(0)), { users: both })
      expect(linkIn(mail, 'reset', 'reset_password')?.userId).toBe(user.id)
      expect(mail?.text).toContain(user.username.text)
    }
  })

  test.each<[string, readonly User[]]>([
    ['the password changed meanwhile', [{ ...anna, passwordVersion: 2 }]],
    ['the user is banned', [{ ...anna, ban: aBan() }]],
    ['there is no address', [{ ...anna, email: undefined }]],
    ['the user is gone', []],
  ])('a reset sends no link if %s', async (_, users) => {
    expect(await mailAfter(passwordResetRequested(anna, at(0)), { users })).toBeUndefined()
  })

  test.each([
    ['changed', passwordChanged(present, at(0))],
    ['reset', passwordReset(anna.id, at(0))],
  ])('a password that was %s sends a notice with the time', { tags: ['MAIL-12'] }, async (_, event) => {
    const mail = await mailAfter(event)
    expect(mail).toMatchObject({ to: 'anna@example.org', subject: 'Your Chat password was changed' })
    expect(mail?.text).toContain('was changed on 1 March 2026, 12:00 UTC.')
    hasNoLink(mail)
  })
})

describe('mail about sessions', () => {
  test(
    'a sign-in from a new place names it, with a link that ends the session for 7 days',
    { tags: ['MAIL-11'] },
    async () => {
      const mail = await mailAfter(sessionCreated(present, true))
      expect(mail).toMatchObject({ to: 'anna@example.org', subject: 'New sign-in to Chat' })
      for (const part of [mail?.text, mail?.html]) {
        for (const fact of ['Firefox on Linux', '203.\u20600.', '1 March 2026, 12:00 UTC']) {
          expect(part?.replaceAll('203.0.', '203.\u20600.')).toContain(fact)
        }
      }
      expect(linkIn(mail, 'end-session', 'end_session')).toEqual({
        purpose: 'end_session',
        userId: 42,
        sessionId: present.id,
        expiresAt: at(HOUR + 7 * DAY),
      })
    },
  )

  test('a sign-in from a new place sends nothing if the session has ended', async () => {
    const ended = endSession(present, 'signed_out', at(60))
    expect(await mailAfter(sessionCreated(present, true), { sessions: [ended] })).toBeUndefined()
    expect(await mailAfter(sessionCreated(present, true), { sessions: [] })).toBeUndefined()
  })

  test(
    'the name of a device becomes no link, whatever a stranger writes there',
    { tags: ['MAIL-3'] },
    async () => {
      const device = aDevice({ name: 'Locked: visit https://evil.example/x or www.evil.example' })
      const session = aSession({ device })
      const mail = await mailAfter(sessionCreated(session, true), { sessions: [session] })
      for (const part of [mail?.text, mail?.html]) {
        expect(part).not.toMatch(/evil\.example|:\/\/evil/)
        expect(part?.replaceAll('\u2060', '')).toContain('Locked: visit https://evil.example/x')
      }
    },
  )

  test('a replayed token sends a notice that accuses nobody', { tags: ['MAIL-11'] }, async () => {
    const event = refreshTokenReused(present, 0, { address: '198.51.100.9', userAgent: 'x' }, at(0))
    const mail = await mailAfter(event)
    expect(mail).toMatchObject({ to: 'anna@example.org', subject: 'We signed a device out of Chat' })
    expect(mail?.text).toContain('Firefox on Linux')
    expect(mail?.text).not.toMatch(/198\.51|stole|thief|attack|hack/i)
    hasNoLink(mail)
  })
})

describe('mail about second factors', () => {
  test.each([
    [factorAdded(anna.id, 'totp', at(0)), 'an authenticator app was added to'],
    [factorAdded(anna.id, 'recovery_codes', at(0)), 'a new set of recovery codes was added to'],
    [factorRemoved(anna.id, 'totp', at(0)), 'an authenticator app was removed from'],
  ])(
    '$type sends a notice that names the factor and the time',
    { tags: ['MAIL-12'] },
    async (event, words) => {
      const mail = await mailAfter(event)
      expect(mail?.to).toBe('anna@example.org')
      expect(mail?.text).toContain(`On 1 March 2026, 12:00 UTC, ${words} your account anna at Chat.`)
      hasNoLink(mail)
    },
  )
})

describe('who gets notices', () => {
  const notices: readonly DomainEvent[] = [
    passwordChanged(present, at(0)),
    passwordReset(anna.id, at(0)),
    emailChangeUndone(anna.id, at(0)),
    factorAdded(anna.id, 'totp', at(0)),
    factorRemoved(anna.id, 'totp', at(0)),
    sessionCreated(present, true),
    refreshTokenReused(present, 0, { address: '198.51.100.9', userAgent: 'x' }, at(0)),
  ]

  test.each(notices)(
    '$type goes to an unverified address only if nobody else has it',
    { tags: ['MAIL-7'] },
    async (event) => {
      const unverified = aUser()
      expect((await mailAfter(event, { users: [unverified] }))?.to).toBe('anna@example.org')
      const sharing = { ...other, email: unverified.email }
      expect(await mailAfter(event, { users: [unverified, sharing] })).toBeUndefined()
      const owner = { ...sharing, emailVerified: true }
      expect(await mailAfter(event, { users: [unverified, owner] })).toBeUndefined()
    },
  )

  test.each(notices)('$type sends nothing to banned users and those without an address', async (event) => {
    for (const user of [
      { ...anna, ban: aBan() },
      { ...anna, email: undefined },
    ]) {
      expect(await mailAfter(event, { users: [user] })).toBeUndefined()
    }
  })

  test('other events send no mail', () => {
    const { consumer } = aConsumer({})
    const unwanted = [
      userUpdated(anna, ['username', 'avatar'], at(0)),
      userDisabled(anna.id, aBan()),
      userDeleted(anna, at(0)),
      emailVerified(anna.id, at(0)),
      sessionCreated(present, false),
      sessionEnded(present, at(0)),
    ]
    for (const event of unwanted) expect(consumer.wants(stored(event)), event.type).toBe(false)
    // An earlier version did not write whether the place is new.
    const created = stored(sessionCreated(present, true))
    const data = { ...created.data, is_new_place: undefined }
    expect(consumer.wants({ ...created, data } as unknown as StoredEvent)).toBeFalsy()
  })
})
