import { beforeEach, describe, expect, test } from 'vitest'
import type { Receipt, Rotation, SessionKey } from '../../src/application/ports/sessions.ts'
import {
  movedTo,
  endSession,
  refreshSession,
  renewSession,
  rollForward,
  type EndReason,
  type Session,
  type SessionId,
} from '../../src/domain/session.ts'
import type { User, UserId } from '../../src/domain/user.ts'
import { aDevice, aSession, at, HOUR, sessionId } from '../support/builders.ts'
import { describeContract } from './describe-contract.ts'
import { addSession, addUser, inTransaction, readSession, type Store } from './store.ts'

const millisecond = 0.001

export const sessionsContract = describeContract('Sessions', (store: Store) => {
  let anna: User
  let bert: User

  beforeEach(async () => {
    anna = await addUser(store, 'anna', { roles: ['moderator'] })
    bert = await addUser(store, 'bert')
  })

  const end = (sessions: readonly Session[], reason: EndReason, now: Date): Promise<readonly Session[]> =>
    inTransaction(store, (tx) => tx.sessions.saveEnded(sessions.map((each) => endSession(each, reason, now))))

  test('the pages of the sessions of a user have each of them once, ended ones too, newest first', async () => {
    const sessions: Session[] = []
    for (let number = 1; number <= 5; number += 1) {
      sessions.push(await addSession(store, anna, { id: sessionId(number) }))
    }
    await addSession(store, bert, { id: sessionId(6) })
    const [ended] = await end(sessions.slice(0, 1), 'signed_out', at(1))
    const first = await store.sessions.page(anna.id, undefined, 2)
    const second = await store.sessions.page(anna.id, first[1]?.id, 2)
    const third = await store.sessions.page(anna.id, second[1]?.id, 2)
    expect([...first, ...second]).toEqual(sessions.slice(1).toReversed())
    expect(third).toEqual([ended])
    expect(await store.sessions.page(anna.id, ended?.id, 2)).toEqual([])
  })

  describe('a new place', () => {
    const isNewPlace = (user: User, deviceId: string | undefined, network: string) =>
      inTransaction(store, async (tx) => {
        await tx.users.lock(user.id)
        return tx.sessions.isNewPlace(user.id, { deviceId, network })
      })
    const elsewhere = '192.0.2.1/32'

    test('no place is new to a user who has no session yet', async () => {
      await addSession(store, bert, { device: aDevice({ id: 'phone' }) })
      expect(await isNewPlace(anna, 'phone', elsewhere)).toBe(false)
    })

    test.each([
      ['another device in another network', 'laptop', elsewhere, true],
      ['a device without an id in another network', undefined, elsewhere, true],
      ['the device in another network', 'phone', elsewhere, false],
      ['another device in the network', 'laptop', '198.51.100.7/32', false],
      ['a device without an id in the network', undefined, '198.51.100.7/32', false],
    ])('after a sign-in, %s is new or not: %s in %s: %s', async (_, deviceId, network, isNew) => {
      const device = aDevice({ id: 'phone', address: '198.51.100.7' })
      await addSession(store, anna, { device, endedAt: at(9), endReason: 'signed_out' })
      expect(await isNewPlace(anna, deviceId, network)).toBe(isNew)
    })

    test('sessions without a device id make no other device known', async () => {
      await addSession(store, anna, { device: aDevice({ address: '198.51.100.7' }) })
      expect(await isNewPlace(anna, undefined, elsewhere)).toBe(true)
    })
  })

  describe('find', () => {
    test('a session is found as it was added, with its user', async () => {
      const device = aDevice({ id: 'phone', name: 'Annas Telefon 📱', address: '2001:db8::7' })
      const session = await addSession(store, anna, {
        generation: 7,
        confirmedGeneration: 6,
        refreshedAt: at(1),
        lastSeenAt: at(2),
        idleExpiresAt: at(3.456),
        expiresAt: at(4),
        authTime: at(5),
        amr: ['pwd', 'otp'],
        roles: ['artist'],
        device,
      })
      expect(await store.sessions.find(anna.id, session.id)).toEqual({ session, user: anna })
      const found = await inTransaction(store, (tx) => tx.sessions.lock(anna.id, session.id))
      expect(found).toEqual(session)
    })

    test('an ended session is found as well', async () => {
      const session = await addSession(store, anna, { endedAt: at(9), endReason: 'terminated' })
      expect(await readSession(store, session)).toEqual(session)
      expect(await inTransaction(store, (tx) => tx.sessions.lock(anna.id, session.id))).toEqual(session)
    })

    test('a session is not found under another user or another id', async () => {
      const session = await addSession(store, anna)
      for (const [userId, id] of [
        [bert.id, session.id],
        [anna.id, sessionId(2)],
        [999 as UserId, session.id],
      ] as const) {
        expect(await store.sessions.find(userId, id)).toBeUndefined()
        expect(await inTransaction(store, (tx) => tx.sessions.lock(userId, id))).toBeUndefined()
      }
    })
  })

  describe('usersOf', () => {
    test('the users of known sessions are returned, live or not, and unknown sessions are left out', async () => {
      const live = await addSession(store, anna)
      const theirs = await addSession(store, bert, { id: sessionId(2) })
      const ended = await addSession(store, anna, {
        id: sessionId(3),
        endedAt: at(9),
        endReason: 'terminated',
      })
      await addSession(store, bert, { id: sessionId(4) })
      const asked = [ended.id, sessionId(9), theirs.id, live.id, theirs.id]
      expect(await store.sessions.usersOf(asked)).toEqual(
        new Map([
          [live.id, anna.id],
          [theirs.id, bert.id],
          [ended.id, anna.id],
        ]),
      )
    })

    test('the users of no session, of unknown sessions and of a thousand ids can be looked up', async () => {
      await addSession(store, anna, { id: sessionId(1000) })
      expect(await store.sessions.usersOf([])).toEqual(new Map())
      expect(await store.sessions.usersOf([sessionId(1)])).toEqual(new Map())
      const asked = Array.from({ length: 1000 }, (_, at) => sessionId(at + 1))
      expect(await store.sessions.usersOf(asked)).toEqual(new Map([[sessionId(1000), anna.id]]))
    })
  })

  describe('saveRoles', () => {
    const save = (...roles: string[]) => inTransaction(store, (tx) => tx.sessions.saveRoles(anna.id, roles))

    test('saving roles writes them to every session that has not ended, and returns those', async () => {
      const live = await addSession(store, anna, { roles: ['artist'], generation: 3 })
      const expired = await addSession(store, anna, { id: sessionId(2), idleExpiresAt: at(1) })
      const saved = await save('helper', 'moderator')
      const roles = ['helper', 'moderator']
      expect(new Set(saved)).toEqual(new Set([live, expired].map((session) => ({ ...session, roles }))))
      for (const session of [live, expired])
        expect(await readSession(store, session)).toEqual({ ...session, roles })
    })

    test('saving no roles takes the roles away', async () => {
      const session = await addSession(store, anna, { roles: ['artist'] })
      expect(await save()).toEqual([{ ...session, roles: [] }])
    })

    test('saving roles does not change ended sessions or those of other users', async () => {
      const ended = await addSession(store, anna, { endedAt: at(9), endReason: 'terminated' })
      const theirs = await addSession(store, bert, { id: sessionId(2), roles: ['artist'] })
      expect(await save('moderator')).toEqual([])
      expect(await readSession(store, ended)).toEqual(ended)
      expect(await readSession(store, theirs)).toEqual(theirs)
    })

    test('a session with saved roles is read with its user, whose own roles may differ', async () => {
      const session = await addSession(store, anna)
      await save('artist')
      const found = await store.sessions.find(anna.id, session.id)
      expect([found?.session.roles, found?.user.roles]).toEqual([['artist'], ['moderator']])
    })
  })

  describe('rotate', () => {
    const rotation = (session: Session, changes: Partial<Rotation> = {}): Rotation => ({
      userId: session.userId,
      sessionId: session.id,
      generation: session.generation,
      now: at(60),
      idleSeconds: HOUR,
      from: aDevice(),
      ...changes,
    })

    test('a rotation moves the session to the next generation and returns it with its own roles', async () => {
      const stored = { generation: 4, confirmedGeneration: 2, roles: ['artist', 'helper'] }
      const session = await addSession(store, anna, stored)
      const refreshed = refreshSession(session, at(60), HOUR)
      expect(await store.sessions.rotate(rotation(session))).toEqual(refreshed)
      expect(await readSession(store, session)).toEqual(refreshed)
    })

    test.each([
      ['another address', { address: '2001:db8::7' }],
      ['another user agent', { userAgent: 'Other/2.0 "quoted", {braces} and \\' }],
      ['another place', { address: '198.51.100.9', userAgent: '' }],
    ])('a rotation from %s is stored, and the sign-in keeps its own', async (_, changes) => {
      const session = await addSession(store, anna)
      const from = { address: '203.0.113.7', userAgent: 'Mozilla/5.0', ...changes }
      const refreshed = movedTo(refreshSession(session, at(60), HOUR), from)
      expect(await store.sessions.rotate(rotation(session, { from }))).toEqual(refreshed)
      expect(await readSession(store, session)).toEqual(refreshed)
      const back = movedTo(refreshSession(refreshed, at(60), HOUR), session.device)
      await store.sessions.rotate(rotation(refreshed))
      expect(await readSession(store, session)).toEqual(back)
      expect(back.lastPlace).toEqual({ address: '203.0.113.7', userAgent: 'Mozilla/5.0' })
    })

    test('a rotation does not change the other sessions of the user', async () => {
      const session = await addSession(store, anna)
      const other = await addSession(store, anna, { id: sessionId(2) })
      await store.sessions.rotate(rotation(session))
      expect(await readSession(store, other)).toEqual(other)
    })

    test('a rotation does not extend a session beyond its absolute limit', async () => {
      const session = await addSession(store, anna, { expiresAt: at(HOUR) })
      const refreshed = refreshSession(session, at(60), HOUR)
      expect(refreshed.idleExpiresAt).toEqual(at(HOUR))
      expect(await store.sessions.rotate(rotation(session))).toEqual(refreshed)
      expect(await readSession(store, session)).toEqual(refreshed)
    })

    test.each([
      ['of an earlier generation', {}, { generation: 2 }],
      ['of a later generation', {}, { generation: 4 }],
      ['of another user', {}, { userId: 999 as UserId }],
      ['of another session', {}, { sessionId: sessionId(2) }],
      ['of a session that ended', { endedAt: at(9), endReason: 'signed_out' as const }, {}],
      ['at the idle limit', { idleExpiresAt: at(60) }, {}],
      ['at the absolute limit', { expiresAt: at(60) }, {}],
    ])('a rotation %s changes nothing', async (_, stored, presented) => {
      const session = await addSession(store, anna, { generation: 3, ...stored })
      expect(await store.sessions.rotate(rotation(session, presented))).toBeUndefined()
      expect(await readSession(store, session)).toEqual(session)
    })

    test.each([
      ['idle', { idleExpiresAt: at(60) }],
      ['absolute', { expiresAt: at(60) }],
    ])('a rotation succeeds one millisecond before the %s limit', async (_, stored) => {
      const session = await addSession(store, anna, stored)
      const response = await store.sessions.rotate(rotation(session, { now: at(60 - millisecond) }))
      expect(response?.generation).toBe(1)
    })

    test('of 64 parallel rotations from one generation exactly one succeeds', async () => {
      const session = await addSession(store, anna)
      const responses = await Promise.all(
        Array.from({ length: 64 }, () => store.sessions.rotate(rotation(session))),
      )
      expect(responses.filter((response) => response !== undefined)).toHaveLength(1)
      expect((await readSession(store, session))?.generation).toBe(1)
    })
  })

  describe('saveRefreshed', () => {
    test('saving a refreshed session writes what a renewal changes, and nothing else', async () => {
      const session = await addSession(store, anna, { generation: 4, confirmedGeneration: 2 })
      const other = await addSession(store, anna, { id: sessionId(2) })
      const from = { address: '198.51.100.9', userAgent: 'Other/2.0' }
      const moved = movedTo(rollForward(session, 8, at(60), HOUR), from)
      const refreshed = renewSession(moved, { authTime: at(60), amr: ['otp'] }, at(60), HOUR)
      expect(refreshed).toMatchObject({ generation: 10, oldestGeneration: 10, authTime: at(60) })
      const changed = { ...refreshed, confirmedGeneration: 9, roles: ['helper'], device: aDevice() }
      await inTransaction(store, (tx) => tx.sessions.saveRefreshed(changed))
      expect(await readSession(store, session)).toEqual(refreshed)
      expect(await readSession(store, other)).toEqual(other)
    })

    test('saving a refreshed session under another user changes nothing', async () => {
      const session = await addSession(store, anna)
      const foreign = { ...rollForward(session, 9, at(60), HOUR), userId: bert.id }
      await inTransaction(store, (tx) => tx.sessions.saveRefreshed(foreign))
      expect(await readSession(store, session)).toEqual(session)
    })
  })

  describe('listLive', () => {
    test('the live sessions of a user are listed, newest first', async () => {
      const older = await addSession(store, anna, { id: sessionId(9), createdAt: at(-60) })
      const twins = [
        await addSession(store, anna, { id: sessionId(2) }),
        await addSession(store, anna, { id: sessionId(3) }),
      ]
      await addSession(store, bert, { id: sessionId(4) })
      await addSession(store, anna, { id: sessionId(5), endedAt: at(1), endReason: 'terminated' })
      await addSession(store, anna, { id: sessionId(6), idleExpiresAt: at(60) })
      await addSession(store, anna, { id: sessionId(7), expiresAt: at(60) })
      const last = await addSession(store, anna, {
        id: sessionId(1),
        idleExpiresAt: at(60 + millisecond),
        createdAt: at(1),
      })
      expect(await store.sessions.listLive(anna.id, at(60))).toEqual([last, twins[1], twins[0], older])
    })

    test('the list of a user without sessions is empty', async () => {
      expect(await store.sessions.listLive(anna.id, at(0))).toEqual([])
    })
  })

  describe('confirm', () => {
    const receipt = (session: Session, generation: number, seconds: number): Receipt => ({
      userId: session.userId,
      sessionId: session.id,
      generation,
      seenAt: at(seconds),
    })

    test('a receipt raises the confirmed generation and the time the session was last seen', async () => {
      const session = await addSession(store, anna, { generation: 5, confirmedGeneration: 2 })
      await store.sessions.confirm([receipt(session, 4, 60)])
      const confirmed = { ...session, confirmedGeneration: 4, lastSeenAt: at(60) }
      expect(await readSession(store, session)).toEqual(confirmed)
    })

    test('a receipt never lowers the confirmed generation or the time last seen', async () => {
      const stored = { generation: 5, confirmedGeneration: 4, lastSeenAt: at(60) }
      const session = await addSession(store, anna, stored)
      await store.sessions.confirm([receipt(session, 3, 30)])
      expect(await readSession(store, session)).toEqual(session)
      await store.sessions.confirm([receipt(session, 5, 30)])
      expect(await readSession(store, session)).toEqual({ ...session, confirmedGeneration: 5 })
      await store.sessions.confirm([receipt(session, 1, 90)])
      const seenLater = { ...session, confirmedGeneration: 5, lastSeenAt: at(90) }
      expect(await readSession(store, session)).toEqual(seenLater)
    })

    test('receipts above the generation of the session change nothing and are counted', async () => {
      const session = await addSession(store, anna, { generation: 5, confirmedGeneration: 2 })
      const other = await addSession(store, anna, { id: sessionId(2), generation: 7 })
      expect(await store.sessions.confirm([receipt(session, 6, 60)])).toBe(1)
      expect(await readSession(store, session)).toEqual(session)
      const mixed = [
        receipt(session, 9, 90),
        receipt(session, 4, 60),
        receipt(other, 7, 60),
        receipt(other, 8, 99),
      ]
      expect(await store.sessions.confirm(mixed)).toBe(2)
      const confirmed = { ...session, confirmedGeneration: 4, lastSeenAt: at(60) }
      expect(await readSession(store, session)).toEqual(confirmed)
      expect(await store.sessions.confirm([receipt(other, 7, 60)])).toBe(0)
    })

    test('the highest of several receipts for one session counts, in any order', async () => {
      const session = await addSession(store, anna, { generation: 9 })
      await store.sessions.confirm(
        [2, 8, 5].map((generation) => receipt(session, generation, 60 - generation)),
      )
      const confirmed = { ...session, confirmedGeneration: 8, lastSeenAt: at(58) }
      expect(await readSession(store, session)).toEqual(confirmed)
    })

    test('receipts do not change ended or foreign sessions, and unknown ones are ignored', async () => {
      const ended = await addSession(store, anna, {
        generation: 3,
        endedAt: at(9),
        endReason: 'terminated',
      })
      const other = await addSession(store, bert, { id: sessionId(2), generation: 3 })
      const live = await addSession(store, anna, { id: sessionId(3), generation: 3 })
      await store.sessions.confirm([
        receipt(ended, 3, 60),
        { ...receipt(other, 3, 60), userId: anna.id },
        { ...receipt(live, 3, 60), sessionId: sessionId(4) },
        receipt(live, 2, 60),
      ])
      expect(await readSession(store, ended)).toEqual(ended)
      expect(await readSession(store, other)).toEqual(other)
      expect((await readSession(store, live))?.confirmedGeneration).toBe(2)
    })

    test('no receipts and thousands of receipts can be confirmed in one call', async () => {
      await store.sessions.confirm([])
      const sessions = await inTransaction(store, async (tx) => {
        const added: Session[] = []
        for (let number = 1; number <= 50; number += 1) {
          const session = aSession({ id: sessionId(number), userId: anna.id, generation: 60 })
          await tx.sessions.add(session)
          added.push(session)
        }
        return added
      })
      const receipts = Array.from({ length: 50 }, (_, generation) =>
        sessions.map((session) => receipt(session, generation + 1, generation)),
      ).flat()
      expect(receipts).toHaveLength(2500)
      await store.sessions.confirm(receipts)
      const live = await store.sessions.listLive(anna.id, at(60))
      expect(live.map(({ confirmedGeneration }) => confirmedGeneration)).toEqual(Array<number>(50).fill(50))
    })

    test('receipts from several instances at the same time do not deadlock', async () => {
      const sessions = await Promise.all(
        Array.from({ length: 20 }, (_, number) =>
          addSession(store, anna, { id: sessionId(number), generation: 9 }),
        ),
      )
      const receipts = sessions.map((session) => receipt(session, 9, 1))
      const batches = Array.from({ length: 20 }, (_, n) => (n % 2 === 0 ? receipts : receipts.toReversed()))
      await Promise.all(batches.map((batch) => store.sessions.confirm(batch)))
      const live = await store.sessions.listLive(anna.id, at(60))
      expect(live.every(({ confirmedGeneration }) => confirmedGeneration === 9)).toBe(true)
    })
  })

  describe('many sessions of many users', () => {
    test('sessions that exist are locked by their keys, live or not', async () => {
      const ended = await addSession(store, anna, { endedAt: at(1), endReason: 'terminated' })
      const live = await addSession(store, bert, { id: sessionId(2) })
      const keys = [live, ended, { userId: bert.id, id: ended.id }, { userId: anna.id, id: sessionId(9) }]
      const locked = await inTransaction(store, (tx) => tx.sessions.lockAll(keys))
      expect(new Set(locked)).toEqual(new Set([ended, live]))
      expect(await inTransaction(store, (tx) => tx.sessions.lockAll([]))).toEqual([])
    })

    test('live sessions of all users are locked page by page', async () => {
      for (const [number, user] of [anna, bert, anna, bert, anna].entries())
        await addSession(store, user, { id: sessionId(number + 1) })
      await addSession(store, anna, { id: sessionId(6), endedAt: at(1), endReason: 'terminated' })
      await addSession(store, bert, { id: sessionId(7), idleExpiresAt: at(60) })
      expect(await store.sessions.countAllLive(at(60))).toBe(5)
      const pages: SessionId[][] = []
      let after: SessionKey | undefined
      do {
        const query = { after, now: at(60), except: undefined, limit: 2 }
        const page = await inTransaction(store, (tx) => tx.sessions.lockLiveAfter(query))
        pages.push(page.sessions.map(({ id }) => id))
        after = page.next
      } while (after !== undefined)
      expect(pages).toEqual([[1, 3].map(sessionId), [5, 2].map(sessionId), [sessionId(4)], []])
    })

    test('sessions that began in a given period are left out', async () => {
      for (const [number, seconds] of [9, 10, 20, 21].entries())
        await addSession(store, anna, { id: sessionId(number), createdAt: at(seconds) })
      const except = { after: at(9), until: at(20) }
      const query = { after: undefined, now: at(60), except, limit: 10 }
      const { sessions } = await inTransaction(store, (tx) => tx.sessions.lockLiveAfter(query))
      expect(sessions.map(({ createdAt }) => createdAt)).toEqual([at(9), at(21)])
    })
  })

  describe('in a transaction', () => {
    test('only the live sessions of the user are locked', async () => {
      const live = await addSession(store, anna)
      await addSession(store, bert, { id: sessionId(2) })
      await addSession(store, anna, { id: sessionId(3), endedAt: at(1), endReason: 'terminated' })
      await addSession(store, anna, { id: sessionId(4), idleExpiresAt: at(60) })
      await addSession(store, anna, { id: sessionId(5), expiresAt: at(60) })
      const locked = await inTransaction(store, (tx) => tx.sessions.lockLive(anna.id, at(60)))
      expect(locked).toEqual([live])
    })

    test('the end of sessions is written, and the sessions are returned in their order', async () => {
      const one = await addSession(store, anna)
      const two = await addSession(store, anna, { id: sessionId(2) })
      const other = await addSession(store, anna, { id: sessionId(3) })
      const ended = [one, two].map((session) => ({
        ...session,
        endedAt: at(9),
        endReason: 'displaced' as const,
      }))
      expect(await end([one, two], 'displaced', at(9))).toEqual(ended)
      expect(await readSession(store, one)).toEqual(ended[0])
      expect(await readSession(store, two)).toEqual(ended[1])
      expect(await readSession(store, other)).toEqual(other)
    })

    test('a session ends once: later ends change nothing and are not returned', async () => {
      const first = await addSession(store, anna)
      const second = await addSession(store, anna, { id: sessionId(2) })
      await end([first], 'signed_out', at(1))
      const returned = await end([first, second], 'user_disabled', at(2))
      expect(returned.map(({ id }) => id)).toEqual([second.id])
      expect(await readSession(store, first)).toMatchObject({ endedAt: at(1), endReason: 'signed_out' })
    })

    test('ending no sessions, or unknown ones, returns nothing', async () => {
      const session = await addSession(store, anna)
      expect(await end([], 'terminated', at(1))).toEqual([])
      expect(await end([{ ...session, userId: bert.id }], 'terminated', at(1))).toEqual([])
      expect(await end([{ ...session, id: sessionId(2) }], 'terminated', at(1))).toEqual([])
      expect(await readSession(store, session)).toEqual(session)
    })

    test('the end of a session keeps its other changes since it was read', async () => {
      const read = await addSession(store, anna, { generation: 3 })
      await store.sessions.rotate({
        userId: anna.id,
        sessionId: read.id,
        generation: 3,
        now: at(60),
        idleSeconds: HOUR,
        from: aDevice(),
      })
      const [returned] = await end([read], 'terminated', at(61))
      expect(returned).toMatchObject({ generation: 4, refreshedAt: at(60), endReason: 'terminated' })
      expect(await readSession(store, read)).toEqual(returned)
    })
  })

  describe('lockExpired', () => {
    const expired = async (now: Date, limit = 10): Promise<string[]> => {
      const locked = await inTransaction(store, (tx) => tx.sessions.lockExpired(now, limit))
      return locked.map(({ id }) => id).sort()
    }

    test('sessions at a limit are found for all users if they are not marked as ended', async () => {
      const idle = await addSession(store, anna, { id: sessionId(1), idleExpiresAt: at(60) })
      const old = await addSession(store, bert, { id: sessionId(2), expiresAt: at(60) })
      await addSession(store, anna, { id: sessionId(3), idleExpiresAt: at(60 + millisecond) })
      await addSession(store, anna, {
        id: sessionId(4),
        idleExpiresAt: at(9),
        endedAt: at(9),
        endReason: 'expired',
      })
      expect(await expired(at(60))).toEqual([idle.id, old.id])
    })

    test('a session that ran out is returned as it is', async () => {
      const session = await addSession(store, anna, { idleExpiresAt: at(60), generation: 3 })
      const locked = await inTransaction(store, (tx) => tx.sessions.lockExpired(at(60), 10))
      expect(locked).toEqual([session])
    })

    test('up to the limit of sessions are found, and the rest once those are marked', async () => {
      for (let number = 1; number <= 5; number += 1) {
        await addSession(store, number % 2 === 0 ? anna : bert, {
          id: sessionId(number),
          idleExpiresAt: at(number),
        })
      }
      const counts: number[] = []
      for (let batch = 0; batch < 4; batch += 1) {
        const ended = await inTransaction(store, async (tx) => {
          const locked = await tx.sessions.lockExpired(at(60), 2)
          return tx.sessions.saveEnded(locked.map((each) => endSession(each, 'expired', at(60))))
        })
        counts.push(ended.length)
      }
      expect(counts).toEqual([2, 2, 1, 0])
    })

    test('a refreshed session is found when it runs out again, and not before', async () => {
      const session = await addSession(store, anna, { idleExpiresAt: at(60) })
      const refreshed = {
        userId: anna.id,
        sessionId: session.id,
        generation: 0,
        now: at(30),
        idleSeconds: 60,
        from: aDevice(),
      }
      await store.sessions.rotate(refreshed)
      expect(await expired(at(60))).toEqual([])
      expect(await expired(at(89))).toEqual([])
      expect(await expired(at(90))).toEqual([session.id])
    })

    test('refreshed sessions that were due earlier do not hide sessions that ran out', async () => {
      for (const number of [1, 2, 3]) {
        await addSession(store, anna, { id: sessionId(number), idleExpiresAt: at(number) })
        const refresh = {
          userId: anna.id,
          sessionId: sessionId(number),
          generation: 0,
          now: at(0.5),
          idleSeconds: HOUR,
          from: aDevice(),
        }
        await store.sessions.rotate(refresh)
      }
      const late = await addSession(store, bert, { id: sessionId(4), idleExpiresAt: at(50) })
      expect(await expired(at(60), 1)).toEqual([late.id])
    })
  })
})
