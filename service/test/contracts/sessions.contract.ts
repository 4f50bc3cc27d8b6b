import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Receipt, Rotation } from '../../src/application/ports/sessions.ts'
import { endSession, type EndReason, type Session } from '../../src/domain/session.ts'
import type { User, UserId } from '../../src/domain/user.ts'
import { aDevice, aSession, at, HOUR, sessionId } from '../support/builders.ts'
import { addSession, addUser, inTransaction, readSession, type OpenStore, type Store } from './store.ts'

const millisecond = 0.001

/** What every Sessions and SessionsInTransaction does. */
export const sessionsContract = (name: string, open: OpenStore): void => {
  describe(`${name} keeps the Sessions contract`, () => {
    let store: Store
    let anna: User
    let bert: User

    beforeAll(async () => {
      store = await open()
    })
    beforeEach(async () => {
      await store.clear()
      anna = await addUser(store, 'anna', { roles: ['moderator'] })
      bert = await addUser(store, 'bert')
    })
    afterAll(() => store.close())

    const end = (sessions: readonly Session[], reason: EndReason, now: Date): Promise<readonly Session[]> =>
      inTransaction(store, (tx) =>
        tx.sessions.saveEnded(sessions.map((each) => endSession(each, reason, now))),
      )

    describe('finding', () => {
      test('a session comes back as it was added, with its user', async () => {
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

      test('an ended session is found too', async () => {
        const session = await addSession(store, anna, { endedAt: at(9), endReason: 'terminated' })
        expect(await readSession(store, session)).toEqual(session)
        expect(await inTransaction(store, (tx) => tx.sessions.lock(anna.id, session.id))).toEqual(session)
      })

      test('a session is not found under another user, nor one that does not exist', async () => {
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

    describe('looking up whose sessions those are', () => {
      test('tells it of all that are known, live or not, and says nothing of the others', async () => {
        const live = await addSession(store, anna)
        const theirs = await addSession(store, bert, { id: sessionId(2) })
        const ended = await addSession(store, anna, {
          ...{ id: sessionId(3), endedAt: at(9), endReason: 'terminated' },
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

      test('of none, of unknown ones and of a thousand', async () => {
        await addSession(store, anna, { id: sessionId(1000) })
        expect(await store.sessions.usersOf([])).toEqual(new Map())
        expect(await store.sessions.usersOf([sessionId(1)])).toEqual(new Map())
        const asked = Array.from({ length: 1000 }, (_, at) => sessionId(at + 1))
        expect(await store.sessions.usersOf(asked)).toEqual(new Map([[sessionId(1000), anna.id]]))
      })
    })

    describe('saving roles', () => {
      const save = (...roles: string[]) => inTransaction(store, (tx) => tx.sessions.saveRoles(anna.id, roles))

      test('gives them to every session that has not ended, and answers those', async () => {
        const live = await addSession(store, anna, { roles: ['artist'], generation: 3 })
        const runOut = await addSession(store, anna, { id: sessionId(2), idleExpiresAt: at(1) })
        const saved = await save('helper', 'moderator')
        const roles = ['helper', 'moderator']
        expect(new Set(saved)).toEqual(new Set([live, runOut].map((session) => ({ ...session, roles }))))
        for (const session of [live, runOut])
          expect(await readSession(store, session)).toEqual({ ...session, roles })
      })

      test('takes them away', async () => {
        const session = await addSession(store, anna, { roles: ['artist'] })
        expect(await save()).toEqual([{ ...session, roles: [] }])
      })

      test('leaves ended sessions and those of others alone', async () => {
        const ended = await addSession(store, anna, { endedAt: at(9), endReason: 'terminated' })
        const theirs = await addSession(store, bert, { id: sessionId(2), roles: ['artist'] })
        expect(await save('moderator')).toEqual([])
        expect(await readSession(store, ended)).toEqual(ended)
        expect(await readSession(store, theirs)).toEqual(theirs)
      })

      test('is read with the person as they are, who may have others', async () => {
        const session = await addSession(store, anna)
        await save('artist')
        const found = await store.sessions.find(anna.id, session.id)
        expect([found?.session.roles, found?.user.roles]).toEqual([['artist'], ['moderator']])
      })
    })

    describe('rotating', () => {
      const rotation = (session: Session, changes: Partial<Rotation> = {}): Rotation => ({
        userId: session.userId,
        sessionId: session.id,
        generation: session.generation,
        now: at(60),
        idleSeconds: HOUR,
        ...changes,
      })

      test('moves the session to the next generation and answers it, with its own roles', async () => {
        const stored = { generation: 4, confirmedGeneration: 2, roles: ['artist', 'helper'] }
        const session = await addSession(store, anna, stored)
        const rotated = { ...session, generation: 5, refreshedAt: at(60), idleExpiresAt: at(60 + HOUR) }
        const answer = await store.sessions.rotate(rotation(session))
        expect(answer).toEqual(rotated)
        expect(await readSession(store, session)).toEqual(rotated)
      })

      test('leaves the other sessions of the user alone', async () => {
        const session = await addSession(store, anna)
        const other = await addSession(store, anna, { id: sessionId(2) })
        await store.sessions.rotate(rotation(session))
        expect(await readSession(store, other)).toEqual(other)
      })

      test('lets no session rest past its absolute limit', async () => {
        const session = await addSession(store, anna, { expiresAt: at(HOUR) })
        const answer = await store.sessions.rotate(rotation(session))
        expect(answer?.idleExpiresAt).toEqual(at(HOUR))
      })

      test.each([
        ['of an earlier generation', {}, { generation: 2 }],
        ['of a later generation', {}, { generation: 4 }],
        ['of another user', {}, { userId: 999 as UserId }],
        ['of another session', {}, { sessionId: sessionId(2) }],
        ['of a session that ended', { endedAt: at(9), endReason: 'signed_out' as const }, {}],
        ['at the idle limit', { idleExpiresAt: at(60) }, {}],
        ['at the absolute limit', { expiresAt: at(60) }, {}],
      ])('%s changes nothing', async (_, stored, presented) => {
        const session = await addSession(store, anna, { generation: 3, ...stored })
        expect(await store.sessions.rotate(rotation(session, presented))).toBeUndefined()
        expect(await readSession(store, session)).toEqual(session)
      })

      test.each([
        ['idle', { idleExpiresAt: at(60) }],
        ['absolute', { expiresAt: at(60) }],
      ])('succeeds one millisecond before the %s limit', async (_, stored) => {
        const session = await addSession(store, anna, stored)
        const answer = await store.sessions.rotate(rotation(session, { now: at(60 - millisecond) }))
        expect(answer?.generation).toBe(1)
      })

      test('64 times at once from one generation succeeds exactly once', async () => {
        const session = await addSession(store, anna)
        const answers = await Promise.all(
          Array.from({ length: 64 }, () => store.sessions.rotate(rotation(session))),
        )
        expect(answers.filter((answer) => answer !== undefined)).toHaveLength(1)
        expect((await readSession(store, session))?.generation).toBe(1)
      })
    })

    describe('listing', () => {
      test('gives the live sessions of the person, newest first', async () => {
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

      test('gives nothing for a person without sessions', async () => {
        expect(await store.sessions.listLive(anna.id, at(0))).toEqual([])
      })
    })

    describe('confirming', () => {
      const receipt = (session: Session, generation: number, seconds: number): Receipt => ({
        userId: session.userId,
        sessionId: session.id,
        generation,
        seenAt: at(seconds),
      })

      test('raises what is confirmed and when the session was last seen', async () => {
        const session = await addSession(store, anna, { generation: 5, confirmedGeneration: 2 })
        await store.sessions.confirm([receipt(session, 4, 60)])
        const confirmed = { ...session, confirmedGeneration: 4, lastSeenAt: at(60) }
        expect(await readSession(store, session)).toEqual(confirmed)
      })

      test('never lowers either', async () => {
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

      test('never goes past the generation of the session', async () => {
        const session = await addSession(store, anna, { generation: 5, confirmedGeneration: 2 })
        await store.sessions.confirm([receipt(session, 6, 60)])
        expect((await readSession(store, session))?.confirmedGeneration).toBe(5)
      })

      test('takes the highest of several receipts of one session, in any order', async () => {
        const session = await addSession(store, anna, { generation: 9 })
        await store.sessions.confirm(
          [2, 8, 5].map((generation) => receipt(session, generation, 60 - generation)),
        )
        const confirmed = { ...session, confirmedGeneration: 8, lastSeenAt: at(58) }
        expect(await readSession(store, session)).toEqual(confirmed)
      })

      test('leaves ended sessions and those of others alone, and does not mind unknown ones', async () => {
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

      test('takes no receipts, and thousands at once', async () => {
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

      test('from several instances at once never waits in a circle', async () => {
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

    describe('in a transaction', () => {
      test('the live sessions of the user are locked, and only those', async () => {
        const live = await addSession(store, anna)
        await addSession(store, bert, { id: sessionId(2) })
        await addSession(store, anna, { id: sessionId(3), endedAt: at(1), endReason: 'terminated' })
        await addSession(store, anna, { id: sessionId(4), idleExpiresAt: at(60) })
        await addSession(store, anna, { id: sessionId(5), expiresAt: at(60) })
        const locked = await inTransaction(store, (tx) => tx.sessions.lockLive(anna.id, at(60)))
        expect(locked).toEqual([live])
      })

      test('the end of sessions is written and answered', async () => {
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

      test('a session ends once: later ends are not answered and change nothing', async () => {
        const first = await addSession(store, anna)
        const second = await addSession(store, anna, { id: sessionId(2) })
        await end([first], 'signed_out', at(1))
        const answered = await end([first, second], 'user_disabled', at(2))
        expect(answered.map(({ id }) => id)).toEqual([second.id])
        expect(await readSession(store, first)).toMatchObject({ endedAt: at(1), endReason: 'signed_out' })
      })

      test('ending nothing, or what does not exist, answers nothing', async () => {
        const session = await addSession(store, anna)
        expect(await end([], 'terminated', at(1))).toEqual([])
        expect(await end([{ ...session, userId: bert.id }], 'terminated', at(1))).toEqual([])
        expect(await end([{ ...session, id: sessionId(2) }], 'terminated', at(1))).toEqual([])
        expect(await readSession(store, session)).toEqual(session)
      })

      test('an end leaves alone what else became of the session since it was read', async () => {
        const read = await addSession(store, anna, { generation: 3 })
        await store.sessions.rotate({
          ...{ userId: anna.id, sessionId: read.id, generation: 3 },
          ...{ now: at(60), idleSeconds: HOUR },
        })
        const [answered] = await end([read], 'terminated', at(61))
        expect(answered).toMatchObject({ generation: 4, refreshedAt: at(60), endReason: 'terminated' })
        expect(await readSession(store, read)).toEqual(answered)
      })
    })

    describe('looking for sessions that ran out', () => {
      const runOut = async (now: Date, limit = 10): Promise<string[]> => {
        const locked = await inTransaction(store, (tx) => tx.sessions.lockRunOut(now, limit))
        return locked.map(({ id }) => id).sort()
      }

      test('finds those at a limit that are not marked, whosever they are', async () => {
        const idle = await addSession(store, anna, { id: sessionId(1), idleExpiresAt: at(60) })
        const old = await addSession(store, bert, { id: sessionId(2), expiresAt: at(60) })
        await addSession(store, anna, { id: sessionId(3), idleExpiresAt: at(60 + millisecond) })
        await addSession(store, anna, {
          id: sessionId(4),
          idleExpiresAt: at(9),
          endedAt: at(9),
          endReason: 'expired',
        })
        expect(await runOut(at(60))).toEqual([idle.id, old.id])
      })

      test('gives each as it is', async () => {
        const session = await addSession(store, anna, { idleExpiresAt: at(60), generation: 3 })
        const locked = await inTransaction(store, (tx) => tx.sessions.lockRunOut(at(60), 10))
        expect(locked).toEqual([session])
      })

      test('gives up to the limit, and the rest when those are marked', async () => {
        for (let number = 1; number <= 5; number += 1) {
          await addSession(store, number % 2 === 0 ? anna : bert, {
            id: sessionId(number),
            idleExpiresAt: at(number),
          })
        }
        const counts: number[] = []
        for (let batch = 0; batch < 4; batch += 1) {
          const ended = await inTransaction(store, async (tx) => {
            const locked = await tx.sessions.lockRunOut(at(60), 2)
            return tx.sessions.saveEnded(locked.map((each) => endSession(each, 'expired', at(60))))
          })
          counts.push(ended.length)
        }
        expect(counts).toEqual([2, 2, 1, 0])
      })

      test('finds a session that was refreshed when it runs out then, and not before', async () => {
        const session = await addSession(store, anna, { idleExpiresAt: at(60) })
        const refreshed = {
          userId: anna.id,
          sessionId: session.id,
          generation: 0,
          now: at(30),
          idleSeconds: 60,
        }
        await store.sessions.rotate(refreshed)
        expect(await runOut(at(60))).toEqual([])
        expect(await runOut(at(89))).toEqual([])
        expect(await runOut(at(90))).toEqual([session.id])
      })

      test('is not kept from those that ran out by refreshed ones that were due before them', async () => {
        for (const number of [1, 2, 3]) {
          await addSession(store, anna, { id: sessionId(number), idleExpiresAt: at(number) })
          const refresh = {
            userId: anna.id,
            sessionId: sessionId(number),
            generation: 0,
            now: at(0.5),
            idleSeconds: HOUR,
          }
          await store.sessions.rotate(refresh)
        }
        const late = await addSession(store, bert, { id: sessionId(4), idleExpiresAt: at(50) })
        expect(await runOut(at(60), 1)).toEqual([late.id])
      })
    })
  })
}
