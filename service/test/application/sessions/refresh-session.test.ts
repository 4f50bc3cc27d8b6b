import { beforeEach, describe, expect, test } from 'vitest'
import type { UseCaseDeps } from '../../../src/application/use-cases.ts'
import type { EndReason } from '../../../src/domain/session.ts'
import { at, DAY, sessionId } from '../../support/builders.ts'
import { away, aWorld, limits, ttlSeconds, type World } from '../world.ts'

let world: World

const anna = async (replace?: (deps: UseCaseDeps) => Partial<UseCaseDeps>): Promise<void> => {
  world = aWorld(replace)
  await world.addUser('anna', { roles: ['moderator'] })
  await world.signIn()
}
beforeEach(() => anna())

const token = (generation: number, number = 1): string => `refresh 1 ${sessionId(number)} ${generation}`
const refresh = (generation: number) => refreshWith(token(generation))
const refreshWith = (refreshToken: string) => world.useCases.refreshSession({ refreshToken, address: away })
/** Somebody uses the access token of the session's present generation. */
const useAccessToken = async () => {
  await world.store.sessions.confirm([
    { userId: world.session(1)?.userId ?? fail(), sessionId: sessionId(1), generation: 999, seenAt: at(0) },
  ])
}
const fail = (): never => {
  throw new Error('there is no session')
}

describe('the current token', () => {
  test('gives the next pair and moves the idle limit', async () => {
    world.pass(60)
    const issued = await refresh(0)
    expect(issued).toMatchObject({
      accessToken: `access 1 ${sessionId(1)} 1 moderator ${+at(60)} ${+at(60 + ttlSeconds)}`,
      accessExpiresAt: at(60 + ttlSeconds),
      refreshToken: token(1),
      refreshExpiresAt: at(60 + limits.idleSeconds),
      issuedAt: at(60),
    })
    expect(world.session(1)).toMatchObject({
      generation: 1,
      refreshedAt: at(60),
      idleExpiresAt: at(60 + limits.idleSeconds),
    })
  })

  test('writes no event and ends nothing', async () => {
    const before = world.store.world().events
    await refresh(0)
    expect(world.store.world().events).toEqual(before)
    expect(world.store.world().revocations).toEqual([])
  })

  test('works again and again, to the absolute limit and no further', async () => {
    for (let month = 0; month < 9; month += 1) {
      world.pass(20 * DAY - 1)
      const issued = await refresh(month)
      expect(issued.refreshExpiresAt <= at(limits.absoluteSeconds)).toBe(true)
    }
    world.pass(9)
    await expect(refresh(9)).rejects.toMatchObject({ code: 'session_ended', details: { reason: 'expired' } })
  })
})

describe('a token nobody was given', () => {
  test.each([
    ['without our seal', () => 'anything'],
    ['of an unknown session', () => token(0, 99)],
    ['of another user', () => token(0).replace('refresh 1', 'refresh 2')],
    ['of a generation to come', () => token(1)],
  ])('%s is refused and changes nothing', async (_, made) => {
    const before = world.store.world()
    await expect(refreshWith(made())).rejects.toMatchObject({ code: 'invalid_refresh_token' })
    expect(world.store.world()).toEqual(before)
  })

  test('without our seal reaches no store', async () => {
    world.store.setAway(true)
    await expect(refreshWith('anything')).rejects.toMatchObject({ code: 'invalid_refresh_token' })
  })
})

describe('a token of a session that is over', () => {
  test.each(['signed_out', 'terminated', 'password_changed', 'user_disabled'] satisfies EndReason[])(
    'is told that it ended: %s; current or spent, it is no theft',
    async (reason) => {
      await refresh(0)
      await useAccessToken()
      const session = world.session(1) ?? fail()
      await world.store.transactions.transaction((tx) =>
        tx.sessions.saveEnded([{ ...session, endedAt: at(0), endReason: reason }]),
      )
      const before = world.store.world()
      world.pass(60)
      for (const generation of [1, 0]) {
        await expect(refresh(generation)).rejects.toMatchObject({
          code: 'session_ended',
          details: { reason },
        })
      }
      expect(world.store.world()).toEqual(before)
    },
  )

  test('because it ran out is told so, current or spent, and nothing is written', async () => {
    await refresh(0)
    await useAccessToken()
    const before = world.store.world()
    world.pass(limits.idleSeconds)
    for (const generation of [1, 0]) {
      const refused = refresh(generation)
      await expect(refused).rejects.toMatchObject({ code: 'session_ended', details: { reason: 'expired' } })
    }
    expect(world.store.world()).toEqual(before)
  })
})

describe('the token before the current one', () => {
  const repeated = { refreshToken: token(1) }

  test('is answered with the same successor within the window, though that was used', async () => {
    world.pass(60)
    const first = await refresh(0)
    await useAccessToken()
    const before = world.store.world()
    world.pass(30)
    const again = await refresh(0)
    expect(again.refreshToken).toBe(first.refreshToken)
    expect(again.accessToken).toBe(`access 1 ${sessionId(1)} 1 moderator ${+at(90)} ${+at(90 + ttlSeconds)}`)
    expect(world.store.world()).toEqual(before)
  })

  test('is not answered longer because it was answered again', async () => {
    await refresh(0)
    await useAccessToken()
    world.pass(20)
    await refresh(0)
    world.pass(11)
    await expect(refresh(0)).rejects.toMatchObject({ code: 'refresh_token_reused' })
  })

  test('is answered however late, while nobody used the answer', async () => {
    await refresh(0)
    world.pass(20 * DAY)
    expect(await refresh(0)).toMatchObject(repeated)
  })

  test('is a replay after the window once the answer was used', async () => {
    await refresh(0)
    await useAccessToken()
    world.pass(31)
    await expect(refresh(0)).rejects.toMatchObject({ code: 'refresh_token_reused' })
  })

  test('is a replay after the window under the strict policy, used or not', async () => {
    await anna(() => ({ reusePolicy: { windowSeconds: 30, lostAnswer: 'window' } }))
    await refresh(0)
    world.pass(30)
    expect(await refresh(0)).toMatchObject(repeated)
    world.pass(1)
    await expect(refresh(0)).rejects.toMatchObject({ code: 'refresh_token_reused' })
  })
})

describe('a replay', () => {
  const stolen = async () => {
    await refresh(0)
    await refresh(1)
    world.pass(60)
  }

  test('ends the session, with its revocation and both events, and then refuses', async () => {
    await stolen()
    await expect(refresh(0)).rejects.toMatchObject({ code: 'refresh_token_reused' })
    expect(world.session(1)).toMatchObject({ endedAt: at(60), endReason: 'refresh_token_reused' })
    expect(world.store.world().revocations).toEqual([
      { sessionId: sessionId(1), userId: 1, reason: 'refresh_token_reused', expiresAt: at(120 + ttlSeconds) },
    ])
    expect(world.store.world().events.slice(-2)).toEqual([
      {
        type: 'session.refresh_token_reused',
        userId: 1,
        occurredAt: at(60),
        data: { session_id: sessionId(1), presented_generation: 0, generation: 2, address: away.text },
      },
      {
        type: 'session.ended',
        userId: 1,
        occurredAt: at(60),
        data: { session_id: sessionId(1), reason: 'refresh_token_reused' },
      },
    ])
  })

  test('ends the session once: the thief and the person are told that it ended', async () => {
    await stolen()
    await expect(refresh(0)).rejects.toThrow()
    const before = world.store.world()
    for (const generation of [0, 1, 2]) {
      const refused = refresh(generation)
      await expect(refused).rejects.toMatchObject({
        code: 'session_ended',
        details: { reason: 'refresh_token_reused' },
      })
    }
    expect(world.store.world()).toEqual(before)
  })

  test('writes all or nothing: when the event cannot be written the session goes on, and the answer is 503', async () => {
    let outboxIsAway = false
    await anna(({ transactions }) => ({
      transactions: {
        transaction: (work) =>
          transactions.transaction((tx) => {
            const add = () => Promise.reject(unavailable)
            return work(outboxIsAway ? { ...tx, outbox: { ...tx.outbox, add } } : tx)
          }),
      },
    }))
    await stolen()
    const before = world.store.world()
    outboxIsAway = true
    await expect(refresh(0)).rejects.toBe(unavailable)
    expect(world.store.world()).toEqual(before)
  })
  const unavailable = new Error('the outbox is away')

  test('that meets a conflict in the store is written once', async () => {
    await stolen()
    world.store.conflictOnce()
    await expect(refresh(0)).rejects.toMatchObject({ code: 'refresh_token_reused' })
    expect(world.eventTypes().filter((type) => type === 'session.refresh_token_reused')).toHaveLength(1)
    expect(world.store.world().revocations).toHaveLength(1)
  })

  test('leaves the other sessions of the person alone', async () => {
    await world.signIn()
    await stolen()
    await expect(refresh(0)).rejects.toThrow()
    expect(world.session(2)?.endReason).toBeUndefined()
  })

  test('lets two that come at once end the session once', async () => {
    await stolen()
    const answers = await Promise.allSettled([refresh(0), refresh(0)])
    const codes = answers.map((each) =>
      each.status === 'rejected' ? (each.reason as { code: string }).code : 'answered',
    )
    expect(codes.sort()).toEqual(['refresh_token_reused', 'session_ended'])
    expect(world.store.world().revocations).toHaveLength(1)
  })
})

describe('a store that is away', () => {
  test('makes a refresh unavailable, never a refusal that signs the person out', async () => {
    await refresh(0)
    world.store.setAway(true)
    for (const generation of [0, 1, 2]) {
      const refused = refresh(generation)
      await expect(refused).rejects.toMatchObject({ code: 'unavailable', details: { retryAfterSeconds: 2 } })
    }
    world.store.setAway(false)
    expect(await refresh(1)).toMatchObject({ refreshToken: token(2) })
  })

  test.each(['rotate', 'find'] as const)('at the step “%s” makes it unavailable too', async (step) => {
    let isAway = false
    await anna(({ sessions }) => ({
      sessions: {
        ...sessions,
        [step]: (...given: never[]) => {
          if (isAway) world.store.setAway(true)
          return (sessions[step] as (...args: never[]) => Promise<never>)(...given)
        },
      },
    }))
    await refresh(0)
    isAway = true
    await expect(refresh(0)).rejects.toMatchObject({ code: 'unavailable' })
  })
})

describe('of refreshes that race on one token', () => {
  test('one rotates and the others get the same pair', async () => {
    const answers = await Promise.all(Array.from({ length: 8 }, () => refresh(0)))
    expect(new Set(answers.map(({ refreshToken }) => refreshToken))).toEqual(new Set([token(1)]))
    expect(new Set(answers.map(({ accessToken }) => accessToken)).size).toBe(1)
    expect(world.session(1)?.generation).toBe(1)
  })

  test('the one beaten by another instance answers with its successor', async () => {
    await anna(({ sessions }) => ({
      sessions: {
        ...sessions,
        rotate: async (rotation) => {
          await sessions.rotate(rotation)
          return sessions.rotate(rotation)
        },
      },
    }))
    expect(await refresh(0)).toMatchObject({ refreshToken: token(1), session: { generation: 1 } })
  })

  test('the one beaten by a ban is told so', async () => {
    await anna(({ sessions }) => ({
      sessions: {
        ...sessions,
        rotate: async (rotation) => {
          await world.useCases.disableUser(rotation.userId, 'Spam')
          return sessions.rotate(rotation)
        },
      },
    }))
    await expect(refresh(0)).rejects.toMatchObject({
      code: 'session_ended',
      details: { reason: 'user_disabled' },
    })
  })

  test('a replay that finds the session ended under its lock is told so, and writes nothing', async () => {
    await anna(({ sessions }) => ({
      sessions: {
        ...sessions,
        find: async (userId, id) => {
          const found = await sessions.find(userId, id)
          await world.useCases.disableUser(userId, 'Spam')
          return found
        },
      },
    }))
    await refresh(0)
    await refresh(1)
    world.pass(60)
    await expect(refresh(0)).rejects.toMatchObject({
      code: 'session_ended',
      details: { reason: 'user_disabled' },
    })
    expect(world.eventTypes()).not.toContain('session.refresh_token_reused')
  })

  test('one whose session seems to be at its generation, but was not rotated, is asked to try again', async () => {
    await anna(({ sessions }) => ({ sessions: { ...sessions, rotate: () => Promise.resolve(undefined) } }))
    await expect(refresh(0)).rejects.toMatchObject({ code: 'unavailable', details: { retryAfterSeconds: 1 } })
    expect(world.session(1)?.endReason).toBeUndefined()
  })
})
