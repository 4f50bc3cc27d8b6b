import { BlockList, isIPv4 } from 'node:net'
import { ApplicationError } from '../../src/application/errors.ts'
import type { Sessions, SessionsInTransaction } from '../../src/application/ports/sessions.ts'
import type { Transaction, Transactions } from '../../src/application/ports/transactions.ts'
import type { Users, UsersInTransaction } from '../../src/application/ports/users.ts'
import type { DomainEvent } from '../../src/domain/event.ts'
import type { Revocation } from '../../src/domain/revocation.ts'
import {
  earlier,
  hasRunOut,
  isLive,
  secondsAfter,
  type Session,
  type SessionId,
} from '../../src/domain/session.ts'
import { looksOf } from '../../src/domain/skeleton.ts'
import type { User, UserId } from '../../src/domain/user.ts'

/** All that is stored. Its values are immutable, so copying the containers copies the world. */
interface World {
  readonly users: Map<UserId, User>
  readonly sessions: Map<SessionId, Session>
  readonly revocations: Revocation[]
  readonly events: DomainEvent[]
}

export interface FakeStore {
  readonly users: Users
  readonly sessions: Sessions
  readonly transactions: Transactions
  /** What is durable now. */
  world(): World
  /** From now on every call finds the store away, or back again. */
  setAway(isAway: boolean): void
  /** The next transaction meets a conflict when it is done, is undone and runs again. */
  conflictOnce(): void
}

/**
 * Users, sessions, revocations and events in memory. A transaction works on a copy of the world that takes its place at
 * the end; whatever writes waits for the one before, so there are no locks. Calling the store from inside a
 * transaction but through that transaction never returns.
 */
export function createFakeStore(): FakeStore {
  let world: World = { users: new Map(), sessions: new Map(), revocations: [], events: [] }
  let lastUserId = 0
  let isAway = false
  let conflicts = 0
  let writers: Promise<unknown> = Promise.resolve()

  function refuseWhenAway(): void {
    if (isAway) throw new ApplicationError('unavailable', { retryAfterSeconds: 2 })
  }

  /** Runs `write` on a copy when all writers before it are done, and keeps the copy if it succeeds. */
  function inTurn<T>(write: (draft: World) => T | Promise<T>): Promise<T> {
    const turn = writers.then(async () => {
      refuseWhenAway()
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

  const read = async <T>(look: (present: World) => T): Promise<T> => {
    await Promise.resolve()
    refuseWhenAway()
    return look(world)
  }

  const nextUserId = (): UserId => (lastUserId += 1) as UserId

  return {
    users: users(read, inTurn),
    sessions: sessions(read, inTurn),
    transactions: { transaction: (work) => inTurn((draft) => work(transactionOn(draft, nextUserId))) },
    world: () => world,
    setAway: (away) => (isAway = away),
    conflictOnce: () => (conflicts = 1),
  }
}

type Read = <T>(look: (present: World) => T) => Promise<T>
type InTurn = <T>(write: (draft: World) => T | Promise<T>) => Promise<T>

const copyOf = (world: World): World => ({
  users: new Map(world.users),
  sessions: new Map(world.sessions),
  revocations: [...world.revocations],
  events: [...world.events],
})

const users = (read: Read, inTurn: InTurn): Users => ({
  find: (id) => read((world) => world.users.get(id)),

  findForSignIn: ({ usernameKey, emailKey }, { deviceId, network }) =>
    read((world) => {
      const all = [...world.users.values()]
      const user = all.find(({ username, email }) => username.key === usernameKey || email.key === emailKey)
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

function contains(network: string, address: string): boolean {
  const [base = '', prefix] = network.split('/')
  const list = new BlockList()
  list.addSubnet(base, Number(prefix), familyOf(base))
  return list.check(address, familyOf(address))
}

const familyOf = (address: string): 'ipv4' | 'ipv6' => (isIPv4(address) ? 'ipv4' : 'ipv6')

const sessions = (read: Read, inTurn: InTurn): Sessions => ({
  find: (userId, id) =>
    read((world) => {
      const session = sessionOf(world, userId, id)
      const user = world.users.get(userId)
      return session && user && { session, user }
    }),

  rotate: ({ userId, sessionId, generation, now, idleSeconds }) =>
    inTurn((draft) => {
      const session = sessionOf(draft, userId, sessionId)
      if (session?.generation !== generation || !isLive(session, now)) return undefined
      const idleExpiresAt = earlier(secondsAfter(now, idleSeconds), session.expiresAt)
      const rotated = { ...session, generation: generation + 1, refreshedAt: now, idleExpiresAt }
      draft.sessions.set(sessionId, rotated)
      return { session: rotated, roles: draft.users.get(userId)?.roles ?? [] }
    }),

  usersOf: (ids) =>
    read((world) => {
      const known = ids.map((id) => world.sessions.get(id)).filter((session) => session !== undefined)
      return new Map(known.map(({ id, userId }) => [id, userId]))
    }),

  listLive: (userId, now) => read((world) => liveOf(world, userId, now).toSorted(newestFirst)),

  confirm: (receipts) =>
    inTurn((draft) => {
      for (const { userId, sessionId, generation, seenAt } of receipts) {
        const session = sessionOf(draft, userId, sessionId)
        if (session === undefined || session.endedAt !== undefined) continue
        const reached = Math.min(generation, session.generation)
        draft.sessions.set(sessionId, {
          ...session,
          confirmedGeneration: Math.max(session.confirmedGeneration, reached),
          lastSeenAt: session.lastSeenAt > seenAt ? session.lastSeenAt : seenAt,
        })
      }
    }),
})

function sessionOf(world: World, userId: UserId, id: SessionId): Session | undefined {
  const session = world.sessions.get(id)
  return session?.userId === userId ? session : undefined
}

const liveOf = (world: World, userId: UserId, now: Date): Session[] =>
  [...world.sessions.values()].filter((session) => session.userId === userId && isLive(session, now))

const newestFirst = (a: Session, b: Session): number => +b.createdAt - +a.createdAt || (a.id < b.id ? 1 : -1)

const transactionOn = (draft: World, nextUserId: () => UserId): Transaction => ({
  users: usersInTransaction(draft, nextUserId),
  sessions: sessionsInTransaction(draft),
  revocations: { add: (added) => done(() => draft.revocations.push(...added)) },
  outbox: { add: (added) => done(() => draft.events.push(...added)) },
})

async function done(step: () => unknown): Promise<void> {
  await Promise.resolve()
  step()
}

function usersInTransaction(draft: World, nextUserId: () => UserId): UsersInTransaction {
  function refuseTaken({ username, email }: Omit<User, 'id'>, except?: UserId): void {
    const others = [...draft.users.values()].filter(({ id }) => id !== except)
    if (others.some((other) => looksAlike(other.username, username)))
      throw new ApplicationError('username_taken')
    if (others.some((other) => other.email.key === email.key)) throw new ApplicationError('email_taken')
  }
  return {
    lock: (id) => Promise.resolve(draft.users.get(id)),
    add: async (user) => {
      await done(() => refuseTaken(user))
      const added = { ...user, id: nextUserId() }
      draft.users.set(added.id, added)
      return added
    },
    save: (user) =>
      done(() => {
        refuseTaken(user, user.id)
        draft.users.set(user.id, user)
      }),
  }
}

const looksAlike = (one: User['username'], other: User['username']): boolean =>
  one.key === other.key || looksOf(one).some((look) => looksOf(other).includes(look))

const sessionsInTransaction = (draft: World): SessionsInTransaction => ({
  lock: (userId, id) => Promise.resolve(sessionOf(draft, userId, id)),
  lockLive: (userId, now) => Promise.resolve(liveOf(draft, userId, now)),
  add: (session) => done(() => draft.sessions.set(session.id, session)),

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

  lockRunOut: (now, limit) => {
    const runOut = [...draft.sessions.values()].filter(
      (session) => session.endedAt === undefined && hasRunOut(session, now),
    )
    return Promise.resolve(runOut.slice(0, limit))
  },
})
