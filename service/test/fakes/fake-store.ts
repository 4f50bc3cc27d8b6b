import { ApplicationError, unavailable } from '../../src/application/errors.ts'
import type { AuditLog } from '../../src/application/ports/audit-log.ts'
import type { Factors } from '../../src/application/ports/factors.ts'
import type { EmailChanges } from '../../src/application/ports/email-changes.ts'
import type { Invitations } from '../../src/application/ports/invitations.ts'
import type { Media, MediaInTransaction } from '../../src/application/ports/media.ts'
import type { PasswordResetRequests } from '../../src/application/ports/password-reset-requests.ts'
import type { SessionKey, Sessions, SessionsInTransaction } from '../../src/application/ports/sessions.ts'
import type { Transaction, Transactions } from '../../src/application/ports/transactions.ts'
import type { FoundUser, Users, UserSearch, UsersInTransaction } from '../../src/application/ports/users.ts'
import { actorOf, type Author } from '../../src/domain/actor.ts'
import { isInForce } from '../../src/domain/ban.ts'
import { ownerAmong } from '../../src/domain/email-owner.ts'
import { redacted } from '../../src/domain/personal-fields.ts'
import {
  beganWithin,
  forgetDevice,
  isExpired,
  isLive,
  movedTo,
  refreshSession,
  type Session,
  type SessionId,
} from '../../src/domain/session.ts'
import { looksOf } from '../../src/domain/skeleton.ts'
import { enable, isDeleted, isDisabled, type User, type UserId } from '../../src/domain/user.ts'
import { entryOf, fakeAuditLog, forgetInAudit, record } from './fake-audit-log.ts'
import { fakeFactors, fakeFactorsInTransaction } from './fake-factors.ts'
import { fakeEmailChanges, fakeEmailChangesInTransaction } from './fake-email-changes.ts'
import { fakeInvitations, fakeInvitationsInTransaction } from './fake-invitations.ts'
import { contains, type InTurn, type Read, type World } from './fake-world.ts'
import { MATCHES, type Match, type SearchCursor } from '../../src/domain/user-search.ts'

export interface FakeStore {
  readonly users: Users
  readonly sessions: Sessions
  readonly media: Media
  readonly auditLog: AuditLog
  readonly invitations: Invitations
  readonly factors: Factors
  readonly emailChanges: EmailChanges
  readonly passwordResetRequests: PasswordResetRequests
  readonly transactions: Transactions
  /** The committed state. */
  world(): World
  /** From now on every call finds the store down, or up again. */
  setDown(isDown: boolean): void
  /** The next transaction meets a conflict at its end, is rolled back and runs again. */
  conflictOnce(): void
}

/**
 * Users, sessions, revocations and events in memory. A transaction works on a copy of the world, which replaces the world at
 * the end. Every write waits for the one before, so there are no locks. Inside a transaction, a call to the store that does
 * not go through the transaction never returns.
 */
export function createFakeStore(): FakeStore {
  let world: World = {
    users: new Map(),
    sessions: new Map(),
    media: new Map(),
    revocations: [],
    heldNames: [],
    invitations: new Map(),
    totp: new Map(),
    recoveryCodes: new Map(),
    spent: new Set(),
    emailChanges: [],
    resetRequests: [],
    events: [],
    actors: [],
    audit: [],
  }
  let lastUserId = 0
  let isDown = false
  let conflicts = 0
  let writers: Promise<unknown> = Promise.resolve()

  function refuseIfDown(): void {
    if (isDown) throw unavailable('The database cannot be reached.', 2)
  }

  /** Runs `write` on a copy when all writers before it are done, and keeps the copy if it succeeds. */
  function inTurn<T>(write: (draft: World) => T | Promise<T>): Promise<T> {
    const turn = writers.then(async () => {
      refuseIfDown()
      for (;;) {
        const draft = copyOf(world)
        const result = await write(draft)
        if (conflicts > 0) {
          conflicts -= 1
          continue
        }
        world = draft
        return result
      }
    })
    writers = turn.catch(() => undefined)
    return turn
  }

  const read = async <T>(look: (world: World) => T): Promise<T> => {
    await Promise.resolve()
    refuseIfDown()
    return look(world)
  }

  const nextUserId = (): UserId => (lastUserId += 1) as UserId

  return {
    users: users(read, inTurn),
    sessions: sessions(read, inTurn),
    media: media(read),
    auditLog: fakeAuditLog(read, inTurn),
    invitations: fakeInvitations(read),
    factors: fakeFactors(read, inTurn),
    emailChanges: fakeEmailChanges(read, inTurn),
    passwordResetRequests: {
      add: (emailKey) => inTurn((draft) => void draft.resetRequests.push(emailKey)),
    },
    transactions: {
      transaction: (author, work) => inTurn((draft) => work(transactionOn(draft, nextUserId, author))),
    },
    world: () => world,
    setDown: (down) => (isDown = down),
    conflictOnce: () => (conflicts = 1),
  }
}

const copyOf = (world: World): World => ({
  users: new Map(world.users),
  sessions: new Map(world.sessions),
  media: new Map(world.media),
  revocations: [...world.revocations],
  heldNames: [...world.heldNames],
  invitations: new Map(world.invitations),
  totp: new Map(world.totp),
  recoveryCodes: new Map(world.recoveryCodes),
  spent: new Set(world.spent),
  emailChanges: [...world.emailChanges],
  resetRequests: [...world.resetRequests],
  events: [...world.events],
  actors: [...world.actors],
  audit: [...world.audit],
})

const users = (read: Read, inTurn: InTurn): Users => ({
  find: (id) => read((world) => existing(world.users.get(id))),

  findAll: (ids) =>
    read((world) => [...world.users.values()].filter((user) => ids.includes(user.id) && !isDeleted(user))),

  findByEmail: (emailKey) => read((world) => ownerAmong(holdersIn(world, emailKey))),

  holdersOf: (emailKey, limit) => read((world) => holdersIn(world, emailKey).slice(0, limit)),

  newest: ({ onlyDisabled, before, limit, now }) =>
    read((world) =>
      [...world.users.values()]
        .filter((user) => !isDeleted(user) && (!onlyDisabled || isDisabled(user, now)))
        .filter(({ id }) => before === undefined || id < before)
        .toSorted((a, b) => b.id - a.id)
        .slice(0, limit),
    ),

  search: (search) => read((world) => searchIn([...world.users.values()], search)),

  findForSignIn: ({ usernameKey, emailKey }, { deviceId, network }) =>
    read((world) => {
      const all = [...world.users.values()]
      const user =
        all.find(({ username }) => username.key === usernameKey) ??
        (emailKey === undefined ? undefined : ownerAmong(holdersIn(world, emailKey)))
      const theirs = [...world.sessions.values()].filter(({ userId }) => userId === user?.id)
      return {
        user,
        deviceIsKnown: theirs.some(({ device }) => deviceId !== undefined && device.id === deviceId),
        networkIsKnown: theirs.some(({ device }) => contains(network, device.address)),
        foreignHashesInUse: all.some(({ passwordHash }) => !passwordHash.startsWith('$argon2id$')),
      }
    }),

  renewPasswordHash: (id, old, renewed) =>
    inTurn((draft) => {
      const user = draft.users.get(id)
      if (user?.passwordHash === old) draft.users.set(id, { ...user, passwordHash: renewed })
    }),
})

const holdersIn = (world: Pick<World, 'users'>, emailKey: string): readonly User[] =>
  [...world.users.values()]
    .filter((user) => user.email?.key === emailKey && !isDeleted(user))
    .toSorted((a, b) => Number(b.emailVerified) - Number(a.emailVerified) || a.id - b.id)

const existing = (user: User | undefined): User | undefined =>
  user === undefined || isDeleted(user) ? undefined : user

function searchIn(users: readonly User[], search: UserSearch): FoundUser[] {
  const found = users.flatMap((user) => {
    const { key } = user.username
    const at = key.indexOf(search.fragment)
    const isHidden = isDeleted(user) || (isDisabled(user, search.now) && !search.withDisabled)
    if (at === -1 || isHidden || user.id === search.except) return []
    const match: Match = key === search.fragment ? 'exact' : at === 0 ? 'prefix' : 'inside'
    return [{ user, cursor: { match, ending: key.slice(at), userId: user.id } }]
  })
  found.sort((a, b) => compare(a.cursor, b.cursor))
  const { after, limit } = search
  return found.filter(({ cursor }) => after === undefined || compare(cursor, after) > 0).slice(0, limit)
}

const compare = (a: SearchCursor, b: SearchCursor): number =>
  MATCHES.indexOf(a.match) - MATCHES.indexOf(b.match) ||
  Buffer.compare(Buffer.from(a.ending), Buffer.from(b.ending)) ||
  a.userId - b.userId

const sessions = (read: Read, inTurn: InTurn): Sessions => ({
  find: (userId, id) =>
    read((world) => {
      const session = sessionOf(world, userId, id)
      const user = world.users.get(userId)
      return session && user && { session, user }
    }),

  rotate: ({ userId, sessionId, generation, now, idleSeconds, from }) =>
    inTurn((draft) => {
      const session = sessionOf(draft, userId, sessionId)
      if (session?.generation !== generation || !isLive(session, now)) return undefined
      const rotated = movedTo(refreshSession(session, now, idleSeconds), from)
      draft.sessions.set(sessionId, rotated)
      return rotated
    }),

  usersOf: (ids) =>
    read((world) => {
      const known = ids.map((id) => world.sessions.get(id)).filter((session) => session !== undefined)
      return new Map(known.map(({ id, userId }) => [id, userId]))
    }),

  countAllLive: (now) =>
    read((world) => [...world.sessions.values()].filter((session) => isLive(session, now)).length),

  countLive: (userIds, now) =>
    read((world) => new Map(userIds.map((userId) => [userId, liveOf(world, userId, now).length]))),

  page: (userId, last, limit) =>
    read((world) =>
      [...world.sessions.values()]
        .filter(({ userId: owner, id }) => owner === userId && (last === undefined || id < last))
        .toSorted((a, b) => (a.id < b.id ? 1 : -1))
        .slice(0, limit),
    ),

  listLive: (userId, now) => read((world) => liveOf(world, userId, now).toSorted(newestFirst)),

  confirm: (receipts) =>
    inTurn((draft) => {
      let ahead = 0
      for (const { userId, sessionId, generation, seenAt } of receipts) {
        const session = sessionOf(draft, userId, sessionId)
        if (session === undefined || session.endedAt !== undefined) continue
        if (generation > session.generation) {
          ahead += 1
          continue
        }
        draft.sessions.set(sessionId, {
          ...session,
          confirmedGeneration: Math.max(session.confirmedGeneration, generation),
          lastSeenAt: session.lastSeenAt > seenAt ? session.lastSeenAt : seenAt,
        })
      }
      return ahead
    }),
})

function sessionOf(world: World, userId: UserId, id: SessionId): Session | undefined {
  const session = world.sessions.get(id)
  return session?.userId === userId ? session : undefined
}

const liveOf = (world: World, userId: UserId, now: Date): Session[] =>
  [...world.sessions.values()].filter((session) => session.userId === userId && isLive(session, now))

const byKey = (a: SessionKey, b: SessionKey): number =>
  a.userId - b.userId || (a.id < b.id ? -1 : a.id === b.id ? 0 : 1)

const newestFirst = (a: Session, b: Session): number => +b.createdAt - +a.createdAt || (a.id < b.id ? 1 : -1)

const media = (read: Read): Media => ({
  find: (name, size) =>
    read((world) => [...world.media.values()].find((avatar) => avatar.name === name)?.pictures[size]),
})

const mediaInTransaction = (draft: World): MediaInTransaction => ({
  put: (userId, avatar) => done(() => draft.media.set(userId, avatar)),
  remove: (userId) => done(() => draft.media.delete(userId)),
})

const transactionOn = (draft: World, nextUserId: () => UserId, author: Author): Transaction => ({
  users: usersInTransaction(draft, nextUserId),
  sessions: sessionsInTransaction(draft),
  media: mediaInTransaction(draft),
  revocations: { add: (added) => done(() => draft.revocations.push(...added)) },
  outbox: {
    add: (added) =>
      done(() => {
        draft.events.push(...added)
        draft.actors.push(...added.map((event) => actorOf(author, event)))
        record(
          draft.audit,
          added.map((event) => entryOf(event, actorOf(author, event))),
        )
      }),
    redact: (userId) =>
      done(() => {
        const kept = draft.events.map((event) => (event.userId === userId ? redacted(event) : event))
        draft.events.splice(0, Infinity, ...kept)
      }),
  },
  invitations: fakeInvitationsInTransaction(draft, author),
  factors: fakeFactorsInTransaction(draft),
  spentProofs: {
    spend: async ({ id }) => {
      await Promise.resolve()
      const key = Buffer.from(id).toString('hex')
      return !draft.spent.has(key) && draft.spent.add(key).has(key)
    },
  },
  emailChanges: fakeEmailChangesInTransaction(draft),
  passwordResetRequests: { take: (limit) => Promise.resolve(draft.resetRequests.splice(0, limit)) },
  audit: { forget: (userId) => done(() => forgetInAudit(draft.audit, userId)) },
})

async function done(step: () => unknown): Promise<void> {
  await Promise.resolve()
  step()
}

function usersInTransaction(draft: World, nextUserId: () => UserId): UsersInTransaction {
  function refuseTaken({ username, email, emailVerified }: Omit<User, 'id'>, except?: UserId): void {
    const others = [...draft.users.values()].filter(({ id }) => id !== except)
    if (others.some((other) => looksAlike(other.username, username)))
      throw new ApplicationError('username_taken')
    const heldForOthers = draft.heldNames.filter(({ heldFor }) => heldFor === undefined || heldFor !== except)
    if (heldForOthers.some((held) => looksAlike(held.username, username)))
      throw new ApplicationError('username_taken')
    const isVerified = others.some((other) => other.emailVerified && other.email?.key === email?.key)
    if (emailVerified && isVerified) throw new ApplicationError('email_taken')
  }
  return {
    lock: (id) => Promise.resolve(existing(draft.users.get(id))),
    lockRecipients: (emailKeys) =>
      Promise.resolve(
        [...new Set(emailKeys)].flatMap((key) => {
          const [first, ...others] = holdersIn(draft, key)
          if (first === undefined || first.emailVerified) return first ?? []
          const changedTo = ({ emailVersion }: User) => Number(emailVersion > 1)
          return [first, ...others].toSorted((a, b) => changedTo(a) - changedTo(b)).slice(0, 5)
        }),
      ),
    requireOnlyHolder: ({ id, email }) =>
      done(() => {
        const others = email === undefined ? [] : holdersIn(draft, email.key).filter((each) => each.id !== id)
        if (others.length > 0) throw new ApplicationError('email_taken')
      }),
    isVerifiedByAnother: ({ id, email }) => {
      const [first] = email === undefined ? [] : holdersIn(draft, email.key)
      return Promise.resolve(first?.emailVerified === true && first.id !== id)
    },
    add: async (user) => {
      await done(() => refuseTaken(user))
      const added = { ...user, id: nextUserId() }
      draft.users.set(added.id, added)
      return added
    },
    save: (user) =>
      done(() => {
        if (isDeleted(user)) {
          const held = draft.heldNames.map((each) =>
            each.heldFor === user.id ? { ...each, heldFor: undefined } : each,
          )
          draft.heldNames.splice(0, Infinity, ...held)
        } else refuseTaken(user, user.id)
        draft.users.set(user.id, user)
      }),
    liftBans: async (now, limit) => {
      await Promise.resolve()
      const over = [...draft.users.values()]
        .filter(({ ban }) => ban !== undefined && !isInForce(ban, now))
        .toSorted((a, b) => Number(a.ban?.until) - Number(b.ban?.until))
      const lifted = over.slice(0, limit)
      for (const user of lifted) draft.users.set(user.id, enable(user))
      return lifted.map(({ id }) => id)
    },
    holdName: (username, until, heldFor) => done(() => draft.heldNames.push({ username, until, heldFor })),
  }
}

const looksAlike = (one: User['username'], other: User['username']): boolean =>
  one.key === other.key || looksOf(one).some((look) => looksOf(other).includes(look))

const sessionsInTransaction = (draft: World): SessionsInTransaction => ({
  lock: (userId, id) => Promise.resolve(sessionOf(draft, userId, id)),
  lockLive: (userId, now) => Promise.resolve(liveOf(draft, userId, now)),
  lockAll: (keys) =>
    Promise.resolve(
      keys.map(({ userId, id }) => sessionOf(draft, userId, id)).filter((session) => session !== undefined),
    ),
  lockLiveAfter: ({ after, now, except, limit }) => {
    const live = [...draft.sessions.values()].filter((session) => isLive(session, now)).toSorted(byKey)
    const sessions = live
      .filter((session) => after === undefined || byKey(session, after) > 0)
      .filter((session) => except === undefined || !beganWithin(session, except))
      .slice(0, limit)
    const last = sessions.at(-1)
    return Promise.resolve({ sessions, next: last && { userId: last.userId, id: last.id } })
  },
  isNewPlace: (userId, { deviceId, network }) => {
    const theirs = [...draft.sessions.values()].filter((session) => session.userId === userId)
    const isKnown = theirs.some(
      ({ device }) => (deviceId !== undefined && device.id === deviceId) || contains(network, device.address),
    )
    return Promise.resolve(theirs.length > 0 && !isKnown)
  },

  add: (session) => done(() => draft.sessions.set(session.id, session)),

  saveRefreshed: (refreshed) =>
    done(() => {
      const session = sessionOf(draft, refreshed.userId, refreshed.id)
      if (session === undefined) return
      const { generation, oldestGeneration, refreshedAt, idleExpiresAt, lastPlace, authTime, amr } = refreshed
      const renewed = { generation, oldestGeneration, refreshedAt, idleExpiresAt, lastPlace, authTime, amr }
      draft.sessions.set(session.id, { ...session, ...renewed })
    }),

  saveEnded: async (ended) => {
    await Promise.resolve()
    const saved: Session[] = []
    for (const { userId, id, endedAt, endReason } of ended) {
      const session = sessionOf(draft, userId, id)
      if (session === undefined || session.endedAt !== undefined) continue
      saved.push({ ...session, endedAt, endReason })
      draft.sessions.set(id, { ...session, endedAt, endReason })
    }
    return saved
  },

  saveRoles: async (userId, roles) => {
    await Promise.resolve()
    const theirs = [...draft.sessions.values()].filter((each) => each.userId === userId)
    const saved = theirs.filter(({ endedAt }) => endedAt === undefined).map((each) => ({ ...each, roles }))
    for (const session of saved) draft.sessions.set(session.id, session)
    return saved
  },

  forgetDevices: (userId) =>
    done(() => {
      for (const session of draft.sessions.values()) {
        if (session.userId === userId) draft.sessions.set(session.id, forgetDevice(session))
      }
    }),

  lockExpired: (now, limit) => {
    const expired = [...draft.sessions.values()].filter(
      (session) => session.endedAt === undefined && isExpired(session, now),
    )
    return Promise.resolve(expired.slice(0, limit))
  },
})
