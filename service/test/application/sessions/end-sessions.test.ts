import { globSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { endSessions } from '../../../src/application/sessions/end-sessions.ts'
import { END_REASONS, secondsAfter, type EndReason, type Session } from '../../../src/domain/session.ts'
import { at, sessionId } from '../../support/builders.ts'
import { aWorld, ttlSeconds } from '../world.ts'

/** How long a revocation is kept after the last token has expired, in seconds. */
const margin = 60

async function twoSessions() {
  const world = aWorld()
  await world.addUser('anna')
  const { session: first } = await world.signIn()
  const { session: second } = await world.signIn()
  const end = (sessions: readonly Session[], reason: EndReason, seconds: number) =>
    world.store.transactions.transaction('system', (tx) =>
      endSessions({ ...world.deps, clock: { now: () => at(seconds) } })(tx, sessions, reason),
    )
  return { ...world, end, first, second }
}

describe.each(END_REASONS)('a session that ends as %s', (reason) => {
  test(`a session that ends as ${reason} is stored as ended and emits an event`, async () => {
    const { end, first, store, session } = await twoSessions()
    const ended = { ...first, endedAt: at(9), endReason: reason }
    expect(await end([first], reason, 9)).toEqual([ended])
    expect(session(1)).toEqual(ended)
    expect(store.world().events.slice(2)).toEqual([
      {
        type: 'session.ended',
        userId: first.userId,
        occurredAt: at(9),
        data: { session_id: first.id, reason },
      },
    ])
  })

  test(`a session that ends as ${reason} is revoked while its tokens live, unless it ran out`, async () => {
    const { end, first, store } = await twoSessions()
    await end([first], reason, 9)
    const revocation = {
      sessionId: first.id,
      userId: first.userId,
      reason,
      expiresAt: at(9 + ttlSeconds + margin),
    }
    expect(store.world().revocations).toEqual(reason === 'expired' ? [] : [revocation])
  })

  test(`ending a session that ended as ${reason} again changes nothing and emits no event`, async () => {
    const { end, first, store } = await twoSessions()
    await end([first], reason, 9)
    const before = store.world()
    for (const again of [reason, 'terminated', 'expired'] as const)
      expect(await end([first], again, 10)).toEqual([])
    expect(store.world()).toEqual(before)
  })

  test(`a session that ends as ${reason} leaves the other session unchanged`, async () => {
    const { end, first, second, session } = await twoSessions()
    await end([first], reason, 9)
    expect(session(2)).toEqual(second)
  })
})

describe('ending several sessions', () => {
  test('ending several sessions writes a revocation and an event for each live one', async () => {
    const { end, first, second, store } = await twoSessions()
    await end([first], 'signed_out', 1)
    const ended = await end([first, second], 'user_disabled', 2)
    expect(ended.map(({ id }) => id)).toEqual([second.id])
    expect(store.world().revocations.map((each) => each.sessionId)).toEqual([first.id, second.id])
    expect(
      store
        .world()
        .events.slice(2)
        .map(({ data }) => data),
    ).toEqual([
      { session_id: sessionId(1), reason: 'signed_out' },
      { session_id: sessionId(2), reason: 'user_disabled' },
    ])
  })

  test('ending no sessions writes nothing', async () => {
    const { end, store } = await twoSessions()
    const before = store.world()
    expect(await end([], 'terminated', 1)).toEqual([])
    expect(store.world()).toEqual(before)
  })

  test('the revocation of a session near its limit is kept until a minute after that limit', async () => {
    const { end, first, store } = await twoSessions()
    const last = Number(first.idleExpiresAt) / 1000 - Number(at(0)) / 1000 - 60
    await end([first], 'terminated', last)
    expect(store.world().revocations[0]?.expiresAt).toEqual(secondsAfter(first.idleExpiresAt, margin))
  })
})

describe('in the source', () => {
  const root = new URL('../../../src/', import.meta.url).pathname
  const sources = globSync('**/*.ts', { cwd: root }).map((path) => ({
    path,
    text: readFileSync(`${root}${path}`, 'utf8'),
  }))
  const filesWith = (pattern: RegExp): string[] =>
    sources.filter(({ text }) => pattern.test(text)).map(({ path }) => path)

  test('only endSessions saves sessions as ended', () => {
    expect(filesWith(/\.saveEnded\(/)).toEqual(['application/sessions/end-sessions.ts'])
  })

  test('only endSessions, setRoles and renewTokens add revocations', () => {
    expect(filesWith(/\brevocations\.add\(/).sort()).toEqual([
      'application/sessions/end-sessions.ts',
      'application/sessions/renew-tokens.ts',
      'application/users/set-roles.ts',
    ])
  })

  test('only the repository, a migration and the clean-up write to the sessions table', () => {
    const writers = filesWith(
      /(updateTable|insertInto|deleteFrom)\('sessions'\)|(update|insert into|delete from) sessions\b/,
    )
    expect(writers.sort()).toEqual([
      'infrastructure/postgres/clean-up.ts',
      'infrastructure/postgres/confirm-receipts.ts',
      'infrastructure/postgres/expired-sessions.ts',
      'infrastructure/postgres/migrations/0003-people.ts',
      'infrastructure/postgres/postgres-sessions.ts',
      'infrastructure/postgres/rotation-statements.ts',
    ])
  })

  /** The literal reasons that callers pass to `endSessions`. */
  const reasonsGiven = sources
    .filter(({ path }) => path.startsWith('application/'))
    .flatMap(({ text }) => [
      ...[...text.matchAll(/\bend(?:Sessions\(deps\))?\(tx, .*, '(\w+)'\)/g)].map(([, word]) => word),
      ...[...text.matchAll(/\breason = .* \? '(\w+)' : '(\w+)'/g)].flatMap(([, one, other]) => [one, other]),
    ])

  test('use cases end sessions with exactly the documented reasons', () => {
    expect([...new Set(reasonsGiven)].sort()).toEqual(END_REASONS.toSorted())
  })

  test('the search for end reasons sees every caller of endSessions', () => {
    const callers = sources.filter(
      ({ path, text }) => path.startsWith('application/') && /endSessions\(deps\)/.test(text),
    )
    expect(callers.map(({ path }) => path.replace('application/', '')).sort()).toEqual([
      'sessions/create-session.ts',
      'sessions/end-own-sessions.ts',
      'sessions/end-session-by-link.ts',
      'sessions/end-sessions-again.ts',
      'sessions/end-sessions-of-all-users.ts',
      'sessions/end-user-sessions.ts',
      'sessions/expire-sessions.ts',
      'sessions/refresh-session.ts',
      'users/change-password.ts',
      'users/delete-user.ts',
      'users/impose-ban.ts',
      'users/reset-password.ts',
      'users/undo-email-change.ts',
    ])
  })
})
