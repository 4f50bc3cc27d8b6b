import { beforeEach, describe, expect, test } from 'vitest'
import type { UseCaseDeps } from '../../../src/application/use-cases.ts'
import type { ClientAddress } from '../../../src/domain/device.ts'
import type { EndReason } from '../../../src/domain/session.ts'
import { aBan, at, DAY, sessionId } from '../../support/builders.ts'
import { away, aWorld, home, limits, ttlSeconds, type World } from '../world.ts'

/** Neither the place of a sign-in nor that of a refresh. */
const elsewhere: ClientAddress = { text: '192.0.2.66', network: '192.0.2.66/32', widerNetworks: [] }

let world: World

const anna = async (replace?: (deps: UseCaseDeps) => Partial<UseCaseDeps>): Promise<void> => {
  world = aWorld(replace)
  await world.addUser('anna', { roles: ['moderator'] })
  await world.signIn()
}
beforeEach(() => anna())

/** Her account is disabled after a refresh has read her session, and before it locks it. */
const annaIsDisabledAfterTheRead = (): Promise<void> =>
  anna(({ sessions }) => ({
    sessions: {
      ...sessions,
      find: async (userId, id) => {
        const found = await sessions.find(userId, id)
        await world.useCases.disableUser('service:ops', userId, aBan())
        return found
      },
    },
  }))

const token = (generation: number, number = 1): string => `refresh 1 ${sessionId(number)} ${generation}`
const refresh = (generation: number) => refreshWith(token(generation))
const refreshWith = (refreshToken: string) =>
  world.useCases.refreshSession({ refreshToken, address: away, userAgent: 'Mozilla/5.0' })
/** A client uses the access token of the session's current generation. */
const useAccessToken = async () => {
  const { userId, generation } = world.session(1) ?? fail()
  await world.store.sessions.confirm([{ userId, sessionId: sessionId(1), generation, seenAt: at(0) }])
}
const fail = (): never => {
  throw new Error('there is no session')
}

describe('the current token', () => {
  test('the current refresh token returns the next pair and moves the idle limit', async () => {
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

  test(
    'a refresh notes the place that it came from, and the sign-in keeps its own',
    { tags: ['SESSION-20'] },
    async () => {
      const from = { address: away, userAgent: 'Other/2.0' }
      const issued = await world.useCases.refreshSession({ refreshToken: token(0), ...from })
      const lastPlace = { address: away.text, userAgent: 'Other/2.0' }
      expect(issued.session.lastPlace).toEqual(lastPlace)
      expect(world.session(1)).toMatchObject({
        device: { address: home.text, userAgent: 'Mozilla/5.0' },
        lastPlace,
      })
    },
  )

  test('a refresh with the current token emits no event and ends no session', async () => {
    const before = world.store.world().events
    await refresh(0)
    expect(world.store.world().events).toEqual(before)
    expect(world.store.world().revocations).toEqual([])
  })

  test('a session can be refreshed up to its absolute limit and no further', async () => {
    for (let month = 0; month < 9; month += 1) {
      world.pass(20 * DAY - 1)
      const issued = await refresh(month)
      expect(issued.refreshExpiresAt <= at(limits.absoluteSeconds)).toBe(true)
    }
    world.pass(9)
    await expect(refresh(9)).rejects.toMatchObject({ code: 'session_ended', details: { reason: 'expired' } })
  })
})

describe('a token that was never issued', () => {
  test.each([
    ['without a valid MAC', () => 'anything'],
    ['of an unknown session', () => token(0, 99)],
    ['of another user', () => token(0).replace('refresh 1', 'refresh 2')],
  ])('a refresh token %s is refused and changes nothing', async (_, made) => {
    const before = world.store.world()
    await expect(refreshWith(made())).rejects.toMatchObject({ code: 'invalid_refresh_token' })
    expect(world.store.world()).toEqual(before)
  })

  test('a refresh token without a valid MAC is refused without reading the store', async () => {
    world.store.setDown(true)
    await expect(refreshWith('anything')).rejects.toMatchObject({ code: 'invalid_refresh_token' })
  })
})

describe('a token of a session that is over', () => {
  test.each(['signed_out', 'terminated', 'password_changed', 'user_disabled'] satisfies EndReason[])(
    'a refresh of a session that ended as %s gets that reason and is not a replay',
    async (reason) => {
      await refresh(0)
      await useAccessToken()
      const session = world.session(1) ?? fail()
      await world.store.transactions.transaction('system', (tx) =>
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

  test('a refresh of a session that ran out is refused as expired and writes nothing', async () => {
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

  test('the previous refresh token gets the same pair within the window, even if it was used', async () => {
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

  test('repeating the pair does not extend the reuse window', async () => {
    await refresh(0)
    await useAccessToken()
    world.pass(20)
    await refresh(0)
    world.pass(11)
    await expect(refresh(0)).rejects.toMatchObject({ code: 'refresh_token_reused' })
  })

  test('the previous refresh token gets the same pair at any time while that pair is unused', async () => {
    await refresh(0)
    world.pass(20 * DAY)
    expect(await refresh(0)).toMatchObject(repeated)
  })

  test('the previous refresh token is a replay after the window once its successor was used', async () => {
    await refresh(0)
    await useAccessToken()
    world.pass(31)
    await expect(refresh(0)).rejects.toMatchObject({ code: 'refresh_token_reused' })
  })

  test('with LOST_ANSWER=window, the previous refresh token is a replay after the window', async () => {
    await anna(() => ({ reusePolicy: { windowSeconds: 30, lostResponse: 'window' } }))
    await refresh(0)
    world.pass(30)
    expect(await refresh(0)).toMatchObject(repeated)
    world.pass(1)
    await expect(refresh(0)).rejects.toMatchObject({ code: 'refresh_token_reused' })
  })
})

describe('a session that was set back, as by a restore', () => {
  /** The database has the session as it was at its sign-in, while its tokens reached generation 5. */
  const setBack = async () => {
    const before = world.session(1) ?? fail()
    for (let generation = 0; generation < 5; generation += 1) await refresh(generation)
    await world.store.transactions.transaction('system', (tx) => tx.sessions.saveRefreshed(before))
    world.pass(60)
  }

  test('a newer token moves the session to the successor of that token', async () => {
    await setBack()
    const accessToken = `access 1 ${sessionId(1)} 6 moderator ${+at(60)} ${+at(60 + ttlSeconds)}`
    const tokens = { accessToken, refreshToken: token(6), refreshExpiresAt: at(60 + limits.idleSeconds) }
    expect(await refresh(5)).toMatchObject({ ...tokens, result: 'rolled_forward' })
    expect(world.session(1)).toMatchObject({
      generation: 6,
      confirmedGeneration: 0,
      refreshedAt: at(60),
      idleExpiresAt: at(60 + limits.idleSeconds),
      lastPlace: { address: away.text },
    })
  })

  test('rolling a session forward emits an event with both generations and ends nothing', async () => {
    await setBack()
    await refresh(5)
    const data = { session_id: sessionId(1), presented_generation: 5, generation: 0, address: away.text }
    const event = { type: 'session.rolled_forward', userId: 1, occurredAt: at(60), data }
    expect(world.store.world().events.at(-1)).toEqual(event)
    expect(world.store.world().revocations).toEqual([])
  })

  test('a session is rolled forward at most to its absolute limit', async () => {
    await setBack()
    world.pass(limits.idleSeconds - 61)
    await world.store.transactions.transaction('system', (tx) =>
      tx.sessions.saveRefreshed({
        ...(world.session(1) ?? fail()),
        idleExpiresAt: at(limits.absoluteSeconds),
      }),
    )
    world.pass(limits.absoluteSeconds - limits.idleSeconds)
    expect((await refresh(5)).refreshExpiresAt).toEqual(at(limits.absoluteSeconds))
  })

  test('parallel refreshes with a newer token get the same pair, and one event is emitted', async () => {
    await setBack()
    const pairs = await Promise.all(Array.from({ length: 8 }, () => refresh(5)))
    expect(new Set(pairs.map(({ refreshToken }) => refreshToken))).toEqual(new Set([token(6)]))
    const results = pairs.map(({ result }) => result).toSorted()
    expect(results).toEqual([...Array<string>(7).fill('repeated'), 'rolled_forward'])
    expect(world.eventTypes().filter((type) => type === 'session.rolled_forward')).toHaveLength(1)
  })

  test('a newer token is repeated after a lost response, and a replay after its successor was used', async () => {
    await setBack()
    await refresh(5)
    world.pass(DAY)
    expect(await refresh(5)).toMatchObject({ refreshToken: token(6), result: 'repeated' })
    await useAccessToken()
    world.pass(DAY)
    await expect(refresh(5)).rejects.toMatchObject({ code: 'refresh_token_reused' })
  })

  test(
    'a spent token that is newer than the session works only until the owner returns',
    { tags: ['SESSION-14'] },
    async () => {
      await setBack()
      expect(await refresh(3)).toMatchObject({ refreshToken: token(4), result: 'rolled_forward' })
      expect(await refresh(5)).toMatchObject({ refreshToken: token(6), result: 'rolled_forward' })
      await expect(refresh(4)).rejects.toMatchObject({ code: 'refresh_token_reused' })
    },
  )

  test('a newer token does not revive a session that ended', async () => {
    await setBack()
    await world.useCases.disableUser('service:ops', world.session(1)?.userId ?? fail(), aBan())
    const ended = { code: 'session_ended', details: { reason: 'user_disabled' } }
    await expect(refresh(5)).rejects.toMatchObject(ended)
  })

  test('a session that ends just before it is rolled forward stays ended', async () => {
    await annaIsDisabledAfterTheRead()
    await setBack()
    await expect(refresh(5)).rejects.toMatchObject({ code: 'session_ended' })
    expect(world.eventTypes()).not.toContain('session.rolled_forward')
  })
})

describe('a replay', () => {
  const stolen = async () => {
    await refresh(0)
    await refresh(1)
    world.pass(60)
  }

  test.each([
    ['of the sign-in', { address: home, userAgent: 'Mozilla/5.0' }, [true, true]],
    ['of the last refresh', { address: away, userAgent: 'Mozilla/5.0' }, [true, true]],
    ['of another browser', { address: home, userAgent: 'Other/2.0' }, [true, false]],
    ['of another address', { address: elsewhere, userAgent: 'Mozilla/5.0' }, [false, true]],
    ['of a stranger', { address: elsewhere, userAgent: 'Other/2.0' }, [false, false]],
  ])(
    'the event of a replay says that the place is that %s',
    { tags: ['SESSION-20'] },
    async (_, from, known) => {
      await stolen()
      const replay = world.useCases.refreshSession({ refreshToken: token(0), ...from })
      await expect(replay).rejects.toMatchObject({ code: 'refresh_token_reused' })
      const data = { known_address: known[0], known_user_agent: known[1] }
      const { events, audit } = world.store.world()
      expect(events.at(-2)).toMatchObject({ type: 'session.refresh_token_reused', data })
      expect(audit.at(-2)).toMatchObject({ action: 'session.refresh_token_reused', data })
    },
  )

  test('a replay ends the session with a revocation and two events and is refused', async () => {
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
        data: {
          session_id: sessionId(1),
          presented_generation: 0,
          generation: 2,
          address: away.text,
          known_address: true,
          known_user_agent: true,
        },
      },
      {
        type: 'session.ended',
        userId: 1,
        occurredAt: at(60),
        data: { session_id: sessionId(1), reason: 'refresh_token_reused' },
      },
    ])
  })

  test('after a replay, the thief and the user both get session_ended', async () => {
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

  test(
    'a replay whose event cannot be written is unavailable, and the session goes on',
    { tags: ['SESSION-7'] },
    async () => {
      let outboxIsAway = false
      await anna(({ transactions }) => ({
        transactions: {
          transaction: (author, work) =>
            transactions.transaction(author, (tx) => {
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
    },
  )
  const unavailable = new Error('the outbox is down')

  test('a replay that meets a store conflict is written once', async () => {
    await stolen()
    world.store.conflictOnce()
    await expect(refresh(0)).rejects.toMatchObject({ code: 'refresh_token_reused' })
    expect(world.eventTypes().filter((type) => type === 'session.refresh_token_reused')).toHaveLength(1)
    expect(world.store.world().revocations).toHaveLength(1)
  })

  test('a replay leaves the other sessions of the user unchanged', async () => {
    await world.signIn()
    await stolen()
    await expect(refresh(0)).rejects.toThrow()
    expect(world.session(2)?.endReason).toBeUndefined()
  })

  test('two parallel replays end the session once', async () => {
    await stolen()
    const responses = await Promise.allSettled([refresh(0), refresh(0)])
    const codes = responses.map((each) =>
      each.status === 'rejected' ? (each.reason as { code: string }).code : 'accepted',
    )
    expect(codes.sort()).toEqual(['refresh_token_reused', 'session_ended'])
    expect(world.store.world().revocations).toHaveLength(1)
  })
})

describe('a store that is down', () => {
  test(
    'a refresh while the store is down is unavailable and never signs the user out',
    { tags: ['OPS-4'] },
    async () => {
      await refresh(0)
      world.store.setDown(true)
      for (const generation of [0, 1, 2]) {
        const refused = refresh(generation)
        await expect(refused).rejects.toMatchObject({
          code: 'unavailable',
          details: { retryAfterSeconds: 2 },
        })
      }
      world.store.setDown(false)
      expect(await refresh(1)).toMatchObject({ refreshToken: token(2) })
    },
  )

  test.each(['rotate', 'find'] as const)(
    'a refresh is unavailable if the store goes down at the step “%s”',
    async (step) => {
      let isAway = false
      await anna(({ sessions }) => ({
        sessions: {
          ...sessions,
          [step]: (...given: never[]) => {
            if (isAway) world.store.setDown(true)
            return (sessions[step] as (...args: never[]) => Promise<never>)(...given)
          },
        },
      }))
      await refresh(0)
      isAway = true
      await expect(refresh(0)).rejects.toMatchObject({ code: 'unavailable' })
    },
  )
})

describe('parallel refreshes with one token', () => {
  test('one of several parallel refreshes rotates, and all get the same pair', async () => {
    const responses = await Promise.all(Array.from({ length: 8 }, () => refresh(0)))
    expect(new Set(responses.map(({ refreshToken }) => refreshToken))).toEqual(new Set([token(1)]))
    expect(new Set(responses.map(({ accessToken }) => accessToken)).size).toBe(1)
    expect(world.session(1)?.generation).toBe(1)
  })

  test('a refresh that loses to another instance returns the pair that one made', async () => {
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

  test('a refresh that loses to a ban gets session_ended with that reason', async () => {
    await anna(({ sessions }) => ({
      sessions: {
        ...sessions,
        rotate: async (rotation) => {
          await world.useCases.disableUser('service:ops', rotation.userId, aBan())
          return sessions.rotate(rotation)
        },
      },
    }))
    await expect(refresh(0)).rejects.toMatchObject({
      code: 'session_ended',
      details: { reason: 'user_disabled' },
    })
  })

  test('a replay that finds the session already ended gets that reason and writes nothing', async () => {
    await annaIsDisabledAfterTheRead()
    await refresh(0)
    await refresh(1)
    world.pass(60)
    await expect(refresh(0)).rejects.toMatchObject({
      code: 'session_ended',
      details: { reason: 'user_disabled' },
    })
    expect(world.eventTypes()).not.toContain('session.refresh_token_reused')
  })

  test('a token that a parallel refresh made the current one gets its successor', async () => {
    await anna(({ sessions }) => ({ sessions: { ...sessions, rotate: () => Promise.resolve(undefined) } }))
    expect(await refresh(0)).toMatchObject({ result: 'rotated' })
    expect(world.session(1)).toMatchObject({ generation: 1, endReason: undefined })
  })
})
