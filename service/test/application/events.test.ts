// Which events there are, and that everything that changes a person or a session emits its own.
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { UseCases } from '../../src/application/use-cases.ts'
import * as events from '../../src/domain/event.ts'
import type { DomainEvent } from '../../src/domain/event.ts'
import { personalFields } from '../../src/domain/personal-fields.ts'
import { webhookBody } from '../../src/infrastructure/outgoing/webhook-consumer.ts'
import { aSession, aUser, at, DAY } from '../support/builders.ts'
import { aWorld, home, password, type World } from './world.ts'

type EventType = DomainEvent['type']

/** One of each, made as the use cases make them. Closed: a new kind of event does not compile until it is here. */
const examples: Record<EventType, DomainEvent> = {
  'user.created': events.userCreated(aUser()),
  'user.updated': events.userUpdated(aUser(), ['username'], at(0)),
  'user.password_changed': events.passwordChanged(aSession(), at(0)),
  'user.disabled': events.userDisabled(aUser(), 'Spam', at(0)),
  'user.enabled': events.userEnabled(aUser(), at(0)),
  'user.roles_changed': events.userRolesChanged(aUser({ roles: ['moderator'] }), at(0)),
  'user.deleted': events.userDeleted(aUser(), at(0)),
  'session.created': events.sessionCreated(aSession()),
  'session.ended': events.sessionEnded(aSession({ endReason: 'signed_out' }), at(0)),
  'session.refresh_token_reused': events.refreshTokenReused(
    aSession({ generation: 5 }),
    3,
    '203.0.113.7',
    at(0),
  ),
}

/** What was refreshed, its answer lost, refreshed again and used: the first token is a thief's now. */
async function replay({ useCases, signIn, pass }: World): Promise<void> {
  const first = await signIn()
  const input = { address: home }
  const second = await useCases.refreshSession({ refreshToken: first.refreshToken, ...input })
  await useCases.refreshSession({ refreshToken: second.refreshToken, ...input })
  pass(60)
  await useCases.refreshSession({ refreshToken: first.refreshToken, ...input }).catch(() => undefined)
}

interface Change {
  /** Done before, and not looked at. */
  readonly given?: (world: World) => Promise<unknown>
  readonly change: (world: World) => Promise<unknown>
  readonly emits: readonly EventType[]
}

const anna = async ({ store }: World) => {
  const [user] = [...store.world().users.values()]
  return Promise.resolve(user ?? aUser())
}
const caller = (world: World) => world.signInAsCaller()

/** Every use case: what it emits, or why nothing. A new one does not compile until it is here. */
const useCases: Record<keyof UseCases, readonly Change[] | string> = {
  registerUser: [
    {
      change: ({ useCases }) =>
        useCases.registerUser({
          username: 'berta',
          email: 'b@example.org',
          password: 'a long one',
          address: home,
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
  refreshSession: [
    { change: replay, emits: ['session.created', 'session.refresh_token_reused', 'session.ended'] },
  ],
  updateUser: [
    {
      change: async (world) =>
        world.useCases.updateUser(await caller(world), {
          ...{ username: 'anna_b', email: undefined, currentPassword: undefined },
        }),
      emits: ['session.created', 'user.updated'],
    },
  ],
  changePassword: [
    {
      given: ({ signIn }) => signIn(),
      change: async (world) =>
        world.useCases.changePassword(await caller(world), {
          ...{ currentPassword: password, newPassword: 'another long one' },
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
      change: async (world) => world.useCases.disableUser((await anna(world)).id, 'Spam'),
      emits: ['user.disabled', 'session.ended'],
    },
  ],
  enableUser: [
    {
      given: async (world) => world.useCases.disableUser((await anna(world)).id, 'Spam'),
      change: async (world) => world.useCases.enableUser((await anna(world)).id),
      emits: ['user.enabled'],
    },
  ],
  setRoles: [
    {
      change: async (world) => world.useCases.setRoles((await anna(world)).id, ['moderator']),
      emits: ['user.roles_changed'],
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
        await world.useCases.endUserSession(session.userId, session.id)
      },
      emits: ['session.created', 'session.ended'],
    },
  ],
  endUserSessions: [
    {
      given: ({ signIn }) => signIn(),
      change: async (world) => world.useCases.endUserSessions((await anna(world)).id),
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
  authenticate: 'looks, and notes that a token was used',
  noteReceipts: 'notes that a token was used',
  createTicket: 'is a way to show an access token',
  redeemTicket: 'is a way to show an access token',
  introspectToken: 'looks',
  listSessions: 'looks',
  listUserSessions: 'looks',
  readUser: 'looks',
  exportUser: 'looks',
  searchUsers: 'looks',
  lookupUsers: 'looks',
  inspectUser: 'looks',
  findUserByEmail: 'looks',
  countSessions: 'looks',
  listDeliveries: 'looks',
  replayDelivery: 'delivers events that there are',
  replayDeliveries: 'delivers events that there are',
}

const changes = Object.entries(useCases).flatMap(([name, entry]) =>
  typeof entry === 'string' ? [] : entry.map((each) => ({ name, ...each })),
)

describe('every change of a person or a session is an event', () => {
  test.each(changes)('$name emits $emits', async ({ given, change, emits }) => {
    const world = aWorld()
    await world.addUser('anna')
    await given?.(world)
    const before = world.eventTypes().length
    await change(world)
    expect(world.eventTypes().slice(before)).toEqual(emits)
  })

  test('each kind of event is emitted by something', () => {
    const emitted = new Set(changes.flatMap(({ emits }) => emits))
    expect([...emitted].toSorted()).toEqual(Object.keys(examples).toSorted())
  })

  test('each function that makes events makes one of those kinds', () => {
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

  test('describes every event there is, and no other', () => {
    expect([...sections.keys()].toSorted()).toEqual(Object.keys(examples).toSorted())
  })

  test.each(Object.entries(examples))('shows %s as it is sent', (type, event) => {
    const section = sections.get(type) ?? ''
    const shown = JSON.parse(/```json\n([^]*?)```/.exec(section)?.[1] ?? '{}') as Record<string, unknown>
    const sent = JSON.parse(webhookBody({ ...event, id: 'x', version: 1 })) as Record<string, unknown>
    const shapeOf = (value: unknown): unknown =>
      typeof value === 'object' && value !== null && !Array.isArray(value)
        ? Object.fromEntries(Object.entries(value).map(([key, each]) => [key, shapeOf(each)]))
        : Array.isArray(value)
          ? 'list'
          : typeof value
    expect(shown['type']).toBe(type)
    expect(shapeOf(shown)).toEqual(shapeOf(sent))
    const personal = personalFields[event.type].map((field) => `\`${field}\``)
    for (const field of personal) expect(section).toContain(`${field} is null once the person is deleted`)
  })
})
