// Refreshes under load share statements. A caller must not notice.
import type pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFailed, onTestFinished, test } from 'vitest'
import { ApplicationError } from '../../../src/application/errors.ts'
import type { Rotation, Sessions } from '../../../src/application/ports/sessions.ts'
import { refreshSession } from '../../../src/application/sessions/refresh-session.ts'
import type { Session } from '../../../src/domain/session.ts'
import type { User, UserId } from '../../../src/domain/user.ts'
import { HmacRefreshTokens } from '../../../src/infrastructure/crypto/hmac-refresh-tokens.ts'
import { connectPool } from '../../../src/infrastructure/postgres/connect.ts'
import { openDatabase } from '../../../src/infrastructure/postgres/database.ts'
import { toSession } from '../../../src/infrastructure/postgres/rows.ts'
import type { SessionRow } from '../../../src/infrastructure/postgres/schema.ts'
import { ROTATE } from '../../../src/infrastructure/postgres/rotation-statements.ts'
import { SessionRotations } from '../../../src/infrastructure/postgres/session-rotations.ts'
import { addSession, addUser, inTransaction, outcomes, readSession } from '../../contracts/store.ts'
import { aDevice, at, DAY, HOUR, noon, sessionId } from '../../support/builders.ts'
import { waitingForLocks } from '../../support/lock-waits.ts'
import { seededRandom, type SeededRandom } from '../../support/seeded-random.ts'
import { openEmbedded, openOnServer, type PostgresStore } from './open-store.ts'

const times = (count: number): readonly number[] => Array.from({ length: count }, (_, index) => index)

const rotationOf = ({ userId, id, generation }: Session): Rotation => ({
  userId,
  sessionId: id,
  generation,
  now: at(60),
  idleSeconds: HOUR,
  from: { address: `198.51.100.${generation}`, userAgent: `Mozilla/${id}` },
})

/** Adds `count` users with one session each. */
async function addSessions(store: PostgresStore, count: number): Promise<readonly Session[]> {
  const users: User[] = []
  for (const number of times(count)) users.push(await addUser(store, `user${number}`))
  const sessions: Session[] = []
  for (const [number, user] of users.entries())
    sessions.push(await addSession(store, user, { id: sessionId(number) }))
  return sessions
}

describe('rotations under load', () => {
  let store: Awaited<ReturnType<typeof openOnServer>>
  beforeAll(async () => {
    store = await openOnServer()
  })
  beforeEach(() => store.clear())
  afterAll(() => store.close())

  const rotateAll = (sessions: readonly Session[]) =>
    sessions.map((session) => store.sessions.rotate(rotationOf(session)))

  /** A transaction that holds the rows until the test commits it or ends. */
  async function hold(sessions: readonly Session[]): Promise<pg.PoolClient> {
    const holder = await store.pool.connect()
    onTestFinished(() => holder.release(true))
    await holder.query('begin')
    const ids = sessions.map(({ id }) => id)
    await holder.query('select from sessions where id = any ($1) for no key update', [ids])
    return holder
  }

  test('rotations under load share statements, and a single rotation does not wait', async () => {
    const single = await openOnServer(1)
    onTestFinished(() => single.close())
    const sessions = await addSessions(single, 64)
    const executed = async (): Promise<Record<string, number>> => {
      const { rows } = await single.pool.query<{ name: string; count: number }>(
        'select name, generic_plans + custom_plans as count from pg_prepared_statements',
      )
      return Object.fromEntries(rows.map(({ name, count }) => [name, count]))
    }
    await single.sessions.rotate(rotationOf(sessions[0] as Session))
    expect(await executed()).toEqual({ rotate_session: 1 })
    const results = await Promise.all(
      sessions.slice(1).map((session) => single.sessions.rotate(rotationOf(session))),
    )
    expect(results.map((session) => session?.generation)).toEqual(times(63).map(() => 1))
    expect(await executed()).toEqual({ rotate_session: 3, rotate_sessions: 1 })
  })

  test('duplicate rotations share one statement, and one of them gets the successor', async () => {
    const single = await openOnServer(1)
    onTestFinished(() => single.close())
    const [one, other, theirs] = (await addSessions(single, 3)) as [Session, Session, Session]
    const results = await Promise.all(
      [one, other, ...times(64).map(() => theirs)].map((session) =>
        single.sessions.rotate(rotationOf(session)),
      ),
    )
    const ofCrowd = results.slice(2).map((session) => session?.generation)
    expect(ofCrowd.filter((generation) => generation === 1)).toHaveLength(1)
    expect(ofCrowd.filter((generation) => generation === undefined)).toHaveLength(63)
    const { rows } = await single.pool.query<{ count: number }>(
      `select sum(generic_plans + custom_plans)::int as count from pg_prepared_statements where name like 'rotate%'`,
    )
    expect(rows).toEqual([{ count: 3 }])
  })

  test('duplicate rotations of a session that cannot be written each get its error', async () => {
    const [one, other, broken] = (await addSessions(store, 3)) as [Session, Session, Session]
    await store.pool.query(`create function refuse() returns trigger language plpgsql as
      $$ begin raise exception 'this row is broken'; end $$`)
    await store.pool.query(`create trigger refuse before update on sessions for each row
      when (old.id = '${broken.id}') execute function refuse()`)
    try {
      const results = await outcomes(rotateAll([one, other, broken, broken, broken]))
      expect(results).toEqual(['P0001', 'P0001', 'P0001', 'done', 'done'])
    } finally {
      await store.pool.query('drop function refuse cascade')
    }
  })

  test('a batch does not wait for a locked session, whose own rotation waits and sees its change', async () => {
    const sessions = await addSessions(store, 20)
    const held = sessions.slice(7, 9)
    const holder = await hold(held)

    const free = rotateAll(sessions.filter((session) => !held.includes(session)))
    // After those, so that they are in a batch. And a second time, while the first ones wait.
    const first = rotateAll(held)
    const second = rotateAll(held)
    expect((await Promise.all(free)).map((session) => session?.generation)).toEqual(times(18).map(() => 1))
    await waitingForLocks(store.url, 4)
    await holder.query(`update sessions set ended_at = now(), end_reason = 'terminated' where id = $1`, [
      held[1]?.id,
    ])
    await holder.query('commit')
    const [ofFirst, ofSecond] = [await Promise.all(first), await Promise.all(second)]
    const generations = [...ofFirst, ...ofSecond].map((session) => session?.generation)
    expect(generations.filter((generation) => generation === 1)).toHaveLength(1)
    expect([ofFirst[1], ofSecond[1]]).toEqual([undefined, undefined])
    expect(await readSession(store, held[1] as Session)).toMatchObject({
      generation: 0,
      endReason: 'terminated',
    })
  })

  test('a batch does not fail because one session cannot be written', async () => {
    const sessions = await addSessions(store, 12)
    const broken = sessions[5] as Session
    await store.pool.query(`create function refuse() returns trigger language plpgsql as
      $$ begin raise exception 'this row is broken'; end $$`)
    await store.pool.query(`create trigger refuse before update on sessions for each row
      when (old.id = '${broken.id}') execute function refuse()`)
    try {
      const results = await outcomes(rotateAll(sessions))
      expect(results).toEqual([...times(11).map(() => 'done'), 'P0001'].sort())
      const rotated = await Promise.all(sessions.map((session) => readSession(store, session)))
      expect(rotated.map((session) => session?.generation)).toEqual(times(12).map((n) => (n === 5 ? 0 : 1)))
    } finally {
      await store.pool.query('drop function refuse cascade')
    }
  })

  test('waiting rotations are sent soon if the statements in flight are slow', async () => {
    const sessions = await addSessions(store, 12)
    const holder = await hold(sessions.slice(0, 2))
    // Both statements in flight wait for a lock.
    const stuck = rotateAll(sessions.slice(0, 2))
    await waitingForLocks(store.url, 2)
    const others = await Promise.all(rotateAll(sessions.slice(2)))
    expect(others.map((session) => session?.generation)).toEqual(times(10).map(() => 1))
    await waitingForLocks(store.url, 2)
    await holder.query('commit')
    expect((await Promise.all(stuck)).map((session) => session?.generation)).toEqual([1, 1])
  })

  test('rotations of two instances in any order do not deadlock, and give one successor each', async () => {
    const random = seededRandom()
    onTestFailed(() => console.log(`TEST_SEED=${random.seed}`))
    const sessions = [...(await addSessions(store, 40))]
    const pools = [connectPool(store.url, 6), connectPool(store.url, 6)]
    onTestFinished(async () => {
      await Promise.all(pools.map((pool) => pool.end()))
    })
    const instances = pools.map((pool) => new SessionRotations(openDatabase(pool)))
    for (const generation of times(25)) {
      const calls = instances.flatMap((instance) =>
        shuffled(sessions, random).map((session) => instance.rotate(rotationOf({ ...session, generation }))),
      )
      const locking = times(6).map(() => {
        const { userId } = random.pick(sessions)
        return inTransaction(store, async (tx) => {
          await tx.users.lock(userId)
          await tx.sessions.lockLive(userId, at(60))
        })
      })
      const results = await Promise.all(calls)
      await Promise.all(locking)
      const successors = results.flatMap((session) => (session === undefined ? [] : [session.id]))
      expect(successors.sort()).toEqual(sessions.map(({ id }) => id).sort())
      expect(results.every((session) => session === undefined || session.generation === generation + 1)).toBe(
        true,
      )
    }
    const { rows } = await store.pool.query<{ deadlocks: number }>(
      'select deadlocks from pg_stat_database where datname = current_database()',
    )
    expect(rows).toEqual([{ deadlocks: 0 }])
  })

  test('all rotations under load fail as unavailable if the database is unreachable', async () => {
    const pool = connectPool('postgres://postgres@127.0.0.1:1/postgres', 2)
    const rotations = new SessionRotations(openDatabase(pool))
    const absent = times(30).map((number) =>
      rotations.rotate({
        userId: 1 as UserId,
        sessionId: sessionId(number),
        generation: 0,
        now: at(0),
        idleSeconds: HOUR,
        from: aDevice(),
      }),
    )
    expect(await outcomes(absent)).toEqual(times(30).map(() => 'unavailable'))
    await pool.end()
  })
})

function shuffled<T>(all: readonly T[], random: SeededRandom): T[] {
  const rest = [...all]
  return times(all.length).flatMap(() => rest.splice(random.below(rest.length), 1))
}

const USERS = 12
const SESSIONS = 48
const CROWDS = 40
const refreshTokens = new HmacRefreshTokens({
  current: 'a secret of the tests that is long enough',
  previous: [],
})

interface Presentation {
  readonly userId: UserId
  readonly number: number
  readonly generation: number
}

/** Users and sessions of many kinds, and a refresh as the service does it, in its own database. */
class Side {
  readonly store: PostgresStore
  now = noon
  readonly #refresh: ReturnType<typeof refreshSession>

  constructor(store: PostgresStore, sessions: Sessions) {
    this.store = store
    this.#refresh = refreshSession({
      sessions,
      refreshTokens,
      transactions: store.transactions,
      accessTokens: { issue: (_, now) => ({ token: 'access', expiresAt: now }), verify: () => undefined },
      refusals: { add: () => undefined },
      clock: { now: () => this.now },
      sessionLimits: { idleSeconds: DAY, absoluteSeconds: 30 * DAY },
      reusePolicy: { windowSeconds: 30, lostResponse: 'receipts' },
      accessTokenTtlSeconds: 600,
    })
  }

  async present({ userId, number, generation }: Presentation): Promise<string> {
    const refreshToken = refreshTokens.issue({ userId, sessionId: sessionId(number), generation })
    const address = { text: `198.51.100.${generation % 200}`, network: '198.51.100.0/32', widerNetworks: [] }
    const kept = { userId, number, generation }
    try {
      const issued = await this.#refresh({ refreshToken, address, userAgent: `Mozilla/${number}` })
      const next = refreshTokens.verify(issued.refreshToken)?.generation
      return JSON.stringify({ ...kept, next, session: issued.session })
    } catch (error) {
      if (!(error instanceof ApplicationError)) throw error
      return JSON.stringify({ ...kept, code: error.code, details: error.details })
    }
  }

  async rows(): Promise<unknown> {
    const { rows } = await this.store.pool.query('select * from sessions order by user_id, id')
    return rows
  }
}

/** One statement per rotation. The result is the whole row as it is after that. */
const onePerStatement = ({ sessions, pool }: PostgresStore): Sessions =>
  Object.assign(Object.create(sessions) as Sessions, {
    find: sessions.find.bind(sessions),
    rotate: async ({ userId, sessionId: id, generation, now, idleSeconds, from }: Rotation) => {
      const until = new Date(+now + idleSeconds * 1_000)
      const values = [userId, id, generation, now, until, from.address, from.userAgent]
      const { rowCount } = await pool.query(ROTATE.text, values)
      if (rowCount === 0) return undefined
      const { rows } = await pool.query<SessionRow>('select * from sessions where user_id = $1 and id = $2', [
        userId,
        id,
      ])
      return toSession(rows[0] as SessionRow)
    },
  })

async function populate(store: PostgresStore): Promise<readonly UserId[]> {
  const ids: UserId[] = []
  for (const number of times(USERS)) ids.push((await addUser(store, `user${number}`)).id)
  const kinds = [{}, {}, {}, { idleExpiresAt: at(200) }, { expiresAt: at(150) }] as const
  for (const number of times(SESSIONS)) {
    const userId = ids[number % USERS] as UserId
    await addSession(store, { id: userId } as User, {
      id: sessionId(number),
      generation: 9,
      ...kinds[number % 5],
    })
  }
  await store.pool.query('update sessions set confirmed_generation = 9')
  return ids
}

/** Tokens of only one generation per session: with several, the order would be random on either side. */
function manyRefreshes(
  random: SeededRandom,
  users: readonly UserId[],
  generations: ReadonlyMap<string, number>,
) {
  return times(SESSIONS + 3).flatMap((number) => {
    if (random.isTrue(0.3)) return []
    const current = generations.get(sessionId(number)) ?? 0
    const generation = Math.max(0, current + random.pick([0, 0, 0, 0, 0, 0, -1, -1, -2, 1]))
    const userId = random.isTrue(0.03) ? random.pick(users) : (users[number % USERS] as UserId)
    return times(random.pick([1, 1, 1, 2, 5])).map(() => ({ userId, number, generation }))
  })
}

describe.each([
  ['on a server', () => openOnServer()],
  ['embedded', openEmbedded],
] as const)('%s', (_, open) => {
  test(
    'refreshes under load get the same results as one by one, with any tokens',
    { timeout: 120_000 },
    async () => {
      const random = seededRandom()
      onTestFailed(() => console.log(`TEST_SEED=${random.seed}`))
      const [one, other] = [await open(), await open()]
      onTestFinished(async () => {
        await Promise.all([one.close(), other.close()])
      })
      const together = new Side(one, one.sessions)
      const alone = new Side(other, onePerStatement(other))
      const users = await populate(one)
      // The same ids on both sides, so that rows can be compared.
      expect(await populate(other)).toEqual(users)
      const seen = new Map<string, number>()

      for (const number of times(CROWDS)) {
        const { rows } = await one.pool.query<SessionRow>('select * from sessions')
        const generations = new Map(rows.map(({ id, generation }) => [id, generation]))
        const refreshes = shuffled(manyRefreshes(random, users, generations), random)
        for (const side of [together, alone]) side.now = at(number * 10)
        const results = await Promise.all(refreshes.map((each) => together.present(each)))
        const expected: string[] = []
        for (const each of refreshes) expected.push(await alone.present(each))
        expect(results.sort()).toEqual(expected.sort())
        expect(await together.rows()).toEqual(await alone.rows())
        for (const result of results) {
          const { code = 'tokens' } = JSON.parse(result) as { code?: string }
          seen.set(code, (seen.get(code) ?? 0) + 1)
        }
        const used = random.below(SESSIONS)
        const receipt = { userId: users[used % USERS] as UserId, sessionId: sessionId(used), generation: 99 }
        for (const { store } of [together, alone])
          await store.sessions.confirm([{ ...receipt, seenAt: at(number * 10) }])
      }
      // All outcomes of the table.
      expect([...seen.keys()].sort()).toEqual([
        'invalid_refresh_token',
        'refresh_token_reused',
        'session_ended',
        'tokens',
      ])
    },
  )
})
