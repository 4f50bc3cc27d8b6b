// Lists all events and checks that every change of a user or a session emits its own.
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { MailLinkContent } from '../../src/application/ports/mail-links.ts'
import type { UseCases } from '../../src/application/use-cases.ts'
import * as events from '../../src/domain/event.ts'
import type { DomainEvent } from '../../src/domain/event.ts'
import { personalFields } from '../../src/domain/personal-fields.ts'
import { webhookBody } from '../../src/infrastructure/outgoing/webhook-consumer.ts'
import { aBan, aSession, at, aUser, DAY, HOUR } from '../support/builders.ts'
import { codeIn, enrol } from './factors/enrolled.ts'
import { aWorld, home, password, type World } from './world.ts'
import type { Actor } from '../../src/domain/actor.ts'

type EventType = DomainEvent['type']

/** One of each, made as the use cases make them. Closed: a new kind of event does not compile until it is here. */
const examples: Record<EventType, DomainEvent> = {
  'user.created': events.userCreated(aUser()),
  'user.updated': events.userUpdated(aUser(), ['username'], at(0)),
  'user.email_changed': events.emailChanged(aUser().id, 2, at(0)),
  'user.email_change_undone': events.emailChangeUndone(aUser().id, at(0)),
  'user.email_verification_requested': events.emailVerificationRequested(aUser().id, 2, at(0)),
  'user.email_verified': events.emailVerified(aUser().id, at(0)),
  'user.password_changed': events.passwordChanged(aSession(), at(0)),
  'user.password_reset_requested': events.passwordResetRequested(aUser(), at(0)),
  'user.password_reset': events.passwordReset(aUser().id, at(0)),
  'user.disabled': events.userDisabled(aUser().id, aBan({ publicReason: 'Advertisements', until: at(60) })),
  'user.enabled': events.userEnabled(aUser().id, 'Appeal accepted', at(0)),
  'user.roles_changed': events.userRolesChanged(aUser({ roles: ['moderator'] }), at(0)),
  'user.factor_added': events.factorAdded(aUser().id, 'totp', at(0)),
  'user.factor_removed': events.factorRemoved(aUser().id, 'totp', at(0)),
  'user.deleted': events.userDeleted(aUser(), at(0)),
  'session.created': events.sessionCreated(aSession(), true),
  'session.reauthenticated': events.sessionReauthenticated(aSession()),
  'session.ended': events.sessionEnded(aSession({ endReason: 'signed_out' }), at(0)),
  'session.refresh_token_reused': events.refreshTokenReused(
    aSession({ generation: 5 }),
    3,
    { address: '203.0.113.7', userAgent: 'Mozilla/5.0' },
    at(0),
  ),
  'session.rolled_forward': events.sessionRolledForward(aSession({ generation: 3 }), 5, '203.0.113.7', at(0)),
}

/** Presents a token that is newer than the session, as after a restore. */
async function refreshAfterRestore({ useCases, signIn, store }: World): Promise<void> {
  const { session, refreshToken } = await signIn()
  const next = await useCases.refreshSession({ refreshToken, address: home, userAgent: 'Mozilla/5.0' })
  await store.transactions.transaction('system', (tx) => tx.sessions.saveRefreshed(session))
  await useCases.refreshSession({ refreshToken: next.refreshToken, address: home, userAgent: 'Mozilla/5.0' })
}

/** Refreshes twice and presents the first token again after the reuse window, as a thief would. */
async function replay({ useCases, signIn, pass }: World): Promise<void> {
  const first = await signIn()
  const input = { address: home, userAgent: 'Mozilla/5.0' }
  const second = await useCases.refreshSession({ refreshToken: first.refreshToken, ...input })
  await useCases.refreshSession({ refreshToken: second.refreshToken, ...input })
  pass(60)
  await useCases.refreshSession({ refreshToken: first.refreshToken, ...input }).catch(() => undefined)
}

interface Change {
  /** Runs before the change. Its events are ignored. */
  readonly given?: (world: World) => Promise<unknown>
  readonly change: (world: World) => Promise<unknown>
  readonly emits: readonly EventType[]
}

const anna = async ({ store }: World) => {
  const [user] = [...store.world().users.values()]
  return Promise.resolve(user ?? aUser())
}
const caller = (world: World) => world.signInAsCaller()

type LinkTo = DistributiveOmit<MailLinkContent, 'userId' | 'expiresAt'>
type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never

const linkFor = async (world: World, link: LinkTo): Promise<string> =>
  world.deps.mailLinks.issue({ ...link, userId: (await anna(world)).id, expiresAt: at(HOUR) })

const changeEmail = async (world: World) =>
  world.useCases.updateUser(await caller(world), {
    username: undefined,
    email: 'new@example.org',
    currentPassword: undefined,
  })

/** Every use case: what it emits, or why nothing. A new one does not compile until it is here. */
const useCases: Record<keyof UseCases, readonly Change[] | string> = {
  registerUser: [
    {
      change: ({ useCases }) =>
        useCases.registerUser({
          username: 'berta',
          email: 'b@example.org',
          password: 'a long one',
          invitation: undefined,
          address: home,
          purchase: undefined,
        }),
      emits: ['user.created'],
    },
  ],
  createSession: [
    { change: ({ signIn }) => signIn(), emits: ['session.created'] },
    {
      given: ({ signIn }) => signIn({ deviceId: 'device' }),
      change: ({ signIn }) => signIn({ deviceId: 'device' }),
      emits: ['session.ended', 'session.created'],
    },
  ],
  completeSignIn: [
    {
      given: enrol,
      change: async (world) => {
        const { challenge } = await world.challenge()
        const from = { address: home, userAgent: 'Mozilla/5.0' }
        await world.useCases.completeSignIn({ challenge, code: codeIn(world), ...from })
      },
      emits: ['session.created'],
    },
  ],
  startTotp: 'a secret that is not confirmed is not a factor',
  confirmTotp: [{ change: enrol, emits: ['session.created', 'user.factor_added'] }],
  renewRecoveryCodes: [
    {
      change: async (world) => world.useCases.renewRecoveryCodes((await enrol(world)).caller),
      emits: ['session.created', 'user.factor_added', 'user.factor_added'],
    },
  ],
  removeTotp: [
    {
      change: async (world) => world.useCases.removeTotp((await enrol(world)).caller),
      emits: ['session.created', 'user.factor_added', 'user.factor_removed'],
    },
  ],
  removeFactors: [
    {
      given: enrol,
      change: async (world) => world.useCases.removeFactors('service:ops', (await anna(world)).id),
      emits: ['user.factor_removed'],
    },
  ],
  refreshSession: [
    { change: replay, emits: ['session.created', 'session.refresh_token_reused', 'session.ended'] },
    { change: refreshAfterRestore, emits: ['session.created', 'session.rolled_forward'] },
  ],
  reauthenticate: [
    {
      change: async (world) =>
        world.useCases.reauthenticate(await caller(world), { currentPassword: password }),
      emits: ['session.created', 'session.reauthenticated'],
    },
  ],
  updateUser: [
    {
      change: async (world) =>
        world.useCases.updateUser(await caller(world), {
          username: 'anna_b',
          email: undefined,
          currentPassword: undefined,
        }),
      emits: ['session.created', 'user.updated'],
    },
    { change: changeEmail, emits: ['session.created', 'user.email_changed', 'user.updated'] },
  ],
  changePassword: [
    {
      given: ({ signIn }) => signIn(),
      change: async (world) =>
        world.useCases.changePassword(await caller(world), {
          currentPassword: password,
          newPassword: 'another long one',
        }),
      emits: ['session.created', 'user.password_changed', 'session.ended'],
    },
  ],
  setAvatar: [
    {
      change: async (world) =>
        world.useCases.setAvatar(await caller(world), () => Promise.resolve(new Uint8Array([1]))),
      emits: ['session.created', 'user.updated'],
    },
  ],
  removeAvatar: [
    {
      change: async (world) => {
        await world.useCases.setAvatar(await caller(world), () => Promise.resolve(new Uint8Array([1])))
        await world.useCases.removeAvatar(await caller(world))
      },
      emits: ['session.created', 'user.updated', 'session.created', 'user.updated'],
    },
  ],
  deleteUser: [
    {
      change: async (world) => world.useCases.deleteUser(await caller(world), { currentPassword: password }),
      emits: ['session.created', 'session.ended', 'user.deleted'],
    },
  ],
  disableUser: [
    {
      given: ({ signIn }) => signIn(),
      change: async (world) => world.useCases.disableUser('service:ops', (await anna(world)).id, aBan()),
      emits: ['user.disabled', 'session.ended'],
    },
  ],
  enableUser: [
    {
      given: async (world) => world.useCases.disableUser('service:ops', (await anna(world)).id, aBan()),
      change: async (world) => world.useCases.enableUser('service:ops', (await anna(world)).id),
      emits: ['user.enabled'],
    },
  ],
  liftBans: [
    {
      given: async (world) =>
        world.useCases.disableUser('service:ops', (await anna(world)).id, aBan({ until: at(60) })),
      change: ({ useCases, pass }) => {
        pass(60)
        return useCases.liftBans(10)
      },
      emits: ['user.enabled'],
    },
  ],
  setRoles: [
    {
      change: async (world) => world.useCases.setRoles('service:ops', (await anna(world)).id, ['moderator']),
      emits: ['user.roles_changed'],
    },
  ],
  acceptPasswordResets: [
    {
      change: async ({ store, useCases }) => {
        await store.passwordResetRequests.add('anna@example.org', at(0))
        await useCases.acceptPasswordResets(10)
      },
      emits: ['user.password_reset_requested'],
    },
  ],
  resetPassword: [
    {
      given: ({ signIn }) => signIn(),
      change: async (world) => {
        const token = await linkFor(world, { purpose: 'reset_password', passwordVersion: 1 })
        await world.useCases.resetPassword({ token, newPassword: 'another long one', address: home })
      },
      emits: ['user.password_reset', 'user.email_verified', 'session.ended'],
    },
  ],
  requestEmailVerification: [
    {
      change: async (world) => world.useCases.requestEmailVerification(await caller(world)),
      emits: ['session.created', 'user.email_verification_requested'],
    },
  ],
  verifyEmail: [
    {
      change: async (world) => {
        const token = await linkFor(world, { purpose: 'verify_email', emailVersion: 1 })
        await world.useCases.verifyEmail({ token, address: home })
      },
      emits: ['user.email_verified'],
    },
  ],
  undoEmailChange: [
    {
      given: async (world) => {
        const token = await linkFor(world, { purpose: 'verify_email', emailVersion: 1 })
        await world.useCases.verifyEmail({ token, address: home })
        await changeEmail(world)
      },
      change: async (world) => {
        const token = await linkFor(world, { purpose: 'undo_email_change', emailVersion: 2 })
        await world.useCases.undoEmailChange({ token, address: home })
      },
      emits: ['user.email_change_undone', 'user.password_reset_requested', 'session.ended'],
    },
  ],
  endSessionByLink: [
    {
      change: async (world) => {
        const { session } = await world.signIn()
        const token = await linkFor(world, { purpose: 'end_session', sessionId: session.id })
        await world.useCases.endSessionByLink({ token, address: home })
      },
      emits: ['session.created', 'session.ended'],
    },
  ],
  endOwnSession: [
    {
      change: async (world) => {
        const own = await caller(world)
        await world.useCases.endOwnSession(own, own.session.id)
      },
      emits: ['session.created', 'session.ended'],
    },
  ],
  endAllOwnSessions: [
    {
      given: ({ signIn }) => signIn(),
      change: async (world) => world.useCases.endAllOwnSessions(await caller(world), { keepCurrent: false }),
      emits: ['session.created', 'session.ended', 'session.ended'],
    },
  ],
  endUserSession: [
    {
      change: async (world) => {
        const { session } = await world.signIn()
        await world.useCases.endUserSession('service:ops', session.userId, session.id)
      },
      emits: ['session.created', 'session.ended'],
    },
  ],
  endUserSessions: [
    {
      given: ({ signIn }) => signIn(),
      change: async (world) => world.useCases.endUserSessions('service:ops', (await anna(world)).id),
      emits: ['session.ended'],
    },
  ],
  endSessionsOfAllUsers: [
    {
      given: ({ signIn }) => signIn(),
      change: ({ useCases }) =>
        useCases.endSessionsOfAllUsers('service:ops', { after: undefined, begunAt: undefined, limit: 10 }),
      emits: ['session.ended'],
    },
  ],
  expireSessions: [
    {
      given: ({ signIn }) => signIn(),
      change: ({ useCases, pass }) => {
        pass(31 * DAY)
        return useCases.expireSessions(10)
      },
      emits: ['session.ended'],
    },
  ],
  requestPasswordReset: 'only stores a request, which acceptPasswordResets looks at',
  createInvitation: 'concerns no user; recorded in the audit log',
  revokeInvitation: 'concerns no user; recorded in the audit log',
  listInvitations: 'only reads',
  authenticate: 'only reads, and notes that a token was used',
  authenticateLocally: 'only reads, and notes that a token was used',
  noteReceipts: 'notes that a token was used',
  createTicket: 'only represents an access token',
  redeemTicket: 'only represents an access token',
  introspectToken: 'only reads',
  listFactors: 'only reads',
  reencryptTotpSecrets: 'the secrets stay the same',
  listSessions: 'only reads',
  readOwnUser: 'only reads',
  listUserSessions: 'only reads',
  readUser: 'only reads',
  exportUser: 'only reads',
  searchUsers: 'only reads',
  lookupUsers: 'only reads',
  inspectUser: 'only reads',
  listUsers: 'only reads',
  findUsersByEmail: 'only reads',
  countSessions: 'only reads',
  countAllSessions: 'only reads',
  listDeliveries: 'only reads',
  listAuditEntries: 'only reads',
  listActivity: 'only reads',
  replayDelivery: 'delivers existing events again',
  replayDeliveries: 'delivers existing events again',
  announceUsers: 'adds deliveries of its own, for one consumer',
}

/** Who makes the other changes: the user, `user:1`. Sign-ins before a change are the user's own, too. */
const actors: Record<string, Actor> = {
  disableUser: 'service:ops',
  enableUser: 'service:ops',
  removeFactors: 'service:ops',
  setRoles: 'service:ops',
  endUserSession: 'service:ops',
  endUserSessions: 'service:ops',
  endSessionsOfAllUsers: 'service:ops',
  expireSessions: 'system',
  acceptPasswordResets: 'system',
  liftBans: 'system',
  refreshSession: 'system',
}

const changes = Object.entries(useCases).flatMap(([name, entry]) =>
  typeof entry === 'string' ? [] : entry.map((each) => ({ name, ...each })),
)

describe('events of every change of a user or a session', () => {
  test.each(changes)('the use case $name emits $emits', async ({ given, change, emits }) => {
    const world = aWorld(() => ({ mailIsOn: true }))
    await world.addUser('anna')
    await given?.(world)
    const before = world.eventTypes().length
    await change(world)
    expect(world.eventTypes().slice(before)).toEqual(emits)
  })

  test.each(changes)(
    'the events of the use case $name, which emits $emits, name who made the change',
    { tags: ['ACCESS-3'] },
    async ({ name, given, change, emits }) => {
      const world = aWorld(() => ({ mailIsOn: true }))
      await world.addUser('anna')
      await given?.(world)
      const before = world.store.world().actors.length
      await change(world)
      const expected = emits.map((type) =>
        type === 'session.created' || type === 'user.created'
          ? (expect.stringMatching(/^user:\d+$/) as string)
          : (actors[name] ?? 'user:1'),
      )
      expect(world.store.world().actors.slice(before)).toEqual(expected)
    },
  )

  test.each(changes)(
    'the audit log records the use case $name, which emits $emits',
    { tags: ['AUDIT-1'] },
    async ({ given, change, emits }) => {
      const world = aWorld(() => ({ mailIsOn: true }))
      await world.addUser('anna')
      await given?.(world)
      const before = world.store.world()
      await change(world)
      const { audit, events, actors } = world.store.world()
      const recorded = audit.slice(before.audit.length)
      expect(recorded.map(({ action }) => action)).toEqual(emits)
      expect(recorded.map(({ subject }) => subject)).toEqual(
        events.slice(before.events.length).map(({ userId }) => userId),
      )
      expect(recorded.map(({ actor }) => actor)).toEqual(actors.slice(before.actors.length))
    },
  )

  test('every type of event is emitted by some use case', () => {
    const emitted = new Set(changes.flatMap(({ emits }) => emits))
    expect([...emitted].toSorted()).toEqual(Object.keys(examples).toSorted())
  })

  test('every function that makes an event makes a known type', () => {
    expect(Object.keys(events)).toHaveLength(Object.keys(examples).length)
    for (const [type, event] of Object.entries(examples)) expect(event.type).toBe(type)
  })
})

describe('docs/events.md', () => {
  const page = readFileSync(new URL('../../../docs/events.md', import.meta.url), 'utf8')
  const sections = new Map(
    page
      .split(/^### /m)
      .slice(1)
      .map((section) => [/^`([\w.]+)`/.exec(section)?.[1] ?? '', section]),
  )

  test('docs/events.md describes every event and no other', () => {
    expect([...sections.keys()].toSorted()).toEqual(Object.keys(examples).toSorted())
  })

  test.each(Object.entries(examples))('docs/events.md shows %s as it is sent', (type, event) => {
    const section = sections.get(type) ?? ''
    const shown = JSON.parse(/```json\n([^]*?)```/.exec(section)?.[1] ?? '{}') as Record<string, unknown>
    const sent = JSON.parse(webhookBody({ ...event, id: 'x', version: 1, actor: 'user:42' })) as Record<
      string,
      unknown
    >
    const shapeOf = (value: unknown): unknown =>
      typeof value === 'object' && value !== null && !Array.isArray(value)
        ? Object.fromEntries(Object.entries(value).map(([key, each]) => [key, shapeOf(each)]))
        : Array.isArray(value)
          ? 'list'
          : typeof value
    expect(shown['type']).toBe(type)
    expect(shapeOf(shown)).toEqual(shapeOf(sent))
    const personal = personalFields[event.type].map((field) => `\`${field}\``)
    const sentences = section.replace(/\s+/g, ' ')
    for (const field of personal)
      expect(sentences).toContain(`${field} is null if the user has been deleted since`)
  })
})
