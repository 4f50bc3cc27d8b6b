import { beforeEach, expect, test } from 'vitest'
import type { ClaimedDelivery, StoredEvent } from '../../src/application/ports/deliveries.ts'
import {
  sessionCreated,
  userCreated,
  userDisabled,
  userEnabled,
  userUpdated,
} from '../../src/domain/event.ts'
import { deleteUser, type User, type UserId } from '../../src/domain/user.ts'
import { aBan, aDevice, aSession, at, DAY } from '../support/builders.ts'
import { describeContract } from './describe-contract.ts'
import { addUser, inTransaction, type Store } from './store.ts'

const SECONDS = 15

export const deliveriesContract = describeContract('Deliveries', (store: Store) => {
  let anna: User
  let bert: User

  beforeEach(async () => {
    anna = await addUser(store, 'anna')
    bert = await addUser(store, 'bert')
  })

  /** Adds one event for each reason. The reasons show the order. */
  const addEvents = async (user: User, ...reasons: string[]): Promise<void> => {
    for (const reason of reasons) {
      await inTransaction(store, (tx) =>
        tx.outbox.add([userDisabled(user.id, aBan({ reason: reason, since: at(0) }))]),
      )
    }
  }
  const dispatch = (consumers: readonly string[] = ['a'], now = at(0), limit = 100) =>
    store.deliveries.dispatch(() => consumers, { now, limit })
  const claim = (now: Date, consumer = 'a', limit = 10) =>
    store.deliveries.claim(consumer, { now, limit, seconds: SECONDS })
  const claimOne = async (now: Date, consumer = 'a'): Promise<ClaimedDelivery> => {
    const claimed = await claim(now, consumer, 1)
    if (claimed[0] === undefined) throw new Error('nothing was due')
    return claimed[0]
  }
  const reasonOf = ({ event }: { event: StoredEvent }) => (event.data as { reason: string }).reason
  const list = (state: 'waiting' | 'dead', consumer?: string, after?: number, limit = 100) =>
    store.deliveries.list({ state, consumer, limit, after })
  /** Delivers everything that is due, one after the other. */
  const drain = async (now: Date, consumer = 'a'): Promise<string[]> => {
    const reasons: string[] = []
    for (let [each] = await claim(now, consumer, 1); each; [each] = await claim(now, consumer, 1)) {
      reasons.push(reasonOf(each))
      await store.deliveries.acknowledge(each, now)
    }
    return reasons
  }

  test('an event is delivered as it was written, with the same id at every attempt', async () => {
    const events = [
      userCreated(anna),
      userUpdated({ ...anna, username: bert.username }, ['username'], at(1.234)),
    ]
    await inTransaction(store, (tx) => tx.outbox.add(events))
    const seen: StoredEvent[] = []
    const consumersOf = (event: StoredEvent) => {
      seen.push(event)
      return ['a', 'b']
    }
    expect(await store.deliveries.dispatch(consumersOf, { now: at(2), limit: 10 })).toBe(2)
    expect(seen).toMatchObject(events.map((event) => ({ ...event, version: 1 })))
    for (const consumer of ['a', 'b']) {
      for (const event of seen) {
        const claimed = await claimOne(at(2), consumer)
        expect(claimed).toMatchObject({ consumer, event, attempts: 1 })
        await store.deliveries.acknowledge(claimed, at(2))
      }
    }
    expect(seen[0]?.id).not.toBe(seen[1]?.id)
  })

  test('an event names the actor of its transaction', { tags: ['ACCESS-3'] }, async () => {
    await store.transactions.transaction('service:ops', (tx) =>
      tx.outbox.add([userEnabled(anna.id, undefined, at(0))]),
    )
    await store.transactions.transaction('new_user', (tx) => tx.outbox.add([userCreated(bert)]))
    const seen: unknown[] = []
    const note = ({ actor }: StoredEvent) => {
      seen.push(actor)
      return ['a']
    }
    await store.deliveries.dispatch(note, { now: at(0), limit: 10 })
    expect(seen).toEqual(['service:ops', `user:${bert.id}`])
    const claimed = await claim(at(0))
    expect(claimed.map(({ event }) => event.actor).toSorted()).toEqual(seen)
  })

  test('each event is dispatched once, in batches, the oldest first', async () => {
    await addEvents(anna, '1', '2', '3')
    const seen: string[] = []
    const note = (event: StoredEvent) => {
      seen.push(reasonOf({ event }))
      return ['a']
    }
    expect(await store.deliveries.dispatch(note, { now: at(0), limit: 2 })).toBe(2)
    expect(await store.deliveries.dispatch(note, { now: at(0), limit: 2 })).toBe(1)
    expect(await store.deliveries.dispatch(note, { now: at(0), limit: 2 })).toBe(0)
    expect(seen).toEqual(['1', '2', '3'])
    expect(await drain(at(0))).toEqual(['1', '2', '3'])
  })

  test('an event stays until its last consumer has it, and is removed if it has none', async () => {
    await addEvents(anna, '1', '2')
    await store.deliveries.dispatch((event) => (reasonOf({ event }) === '1' ? ['a', 'b'] : []), {
      now: at(0),
      limit: 10,
    })
    const left = async () => (await store.events()).map(({ data }) => (data as { reason: string }).reason)
    expect(await left()).toEqual(['1'])
    expect(await drain(at(0), 'a')).toEqual(['1'])
    expect(await left()).toEqual(['1'])
    expect(await drain(at(0), 'b')).toEqual(['1'])
    expect(await left()).toEqual([])
  })

  test('a user has one delivery in flight per consumer; no other user or consumer waits', async () => {
    await addEvents(anna, '1', '2')
    await addEvents(bert, '3')
    await dispatch(['a', 'b'])
    expect((await claim(at(0))).map(reasonOf).sort()).toEqual(['1', '3'])
    expect(await claim(at(1))).toEqual([])
    expect((await claim(at(1), 'b')).map(reasonOf).sort()).toEqual(['1', '3'])
    expect(await claim(at(1), 'c')).toEqual([])
  })

  test('a claim takes at most its limit, the deliveries that have been due longest first', async () => {
    await addEvents(bert, '1')
    await dispatch(['a'], at(0))
    await addEvents(anna, '2')
    await dispatch(['a'], at(1))
    expect((await claim(at(2), 'a', 1)).map(reasonOf)).toEqual(['1'])
    expect((await claim(at(2), 'a', 1)).map(reasonOf)).toEqual(['2'])
  })

  test('an unfinished delivery is due again when its claim expires, and counts one more attempt', async () => {
    await addEvents(anna, '1', '2')
    await dispatch()
    expect(await claimOne(at(0))).toMatchObject({ attempts: 1 })
    expect(await claim(at(SECONDS - 0.001))).toEqual([])
    const again = await claimOne(at(SECONDS))
    expect(again).toMatchObject({ attempts: 2 })
    expect(reasonOf(again)).toBe('1')
  })

  test('a worker whose claim expired can no longer postpone or give up the delivery', async () => {
    await addEvents(anna, '1', '2')
    await dispatch()
    const late = await claimOne(at(0))
    const present = await claimOne(at(SECONDS))
    await store.deliveries.postpone(late, { until: at(SECONDS), error: 'late' })
    await store.deliveries.moveToDeadLetters(late, { now: at(SECONDS), error: 'late' })
    expect(await claim(at(SECONDS + 1))).toEqual([])
    expect(await list('dead')).toEqual([])
    expect(await list('waiting')).toMatchObject([{ lastError: undefined }, { lastError: undefined }])
    // It was delivered nevertheless, but the second event has to wait for the delivery in flight.
    await store.deliveries.acknowledge(late, at(SECONDS + 1))
    expect(await list('waiting')).toHaveLength(1)
    expect(await claim(at(SECONDS + 1))).toEqual([])
    await store.deliveries.acknowledge(present, at(SECONDS + 2))
    expect(await drain(at(SECONDS + 2))).toEqual(['2'])
  })

  test('a user whose last event was delivered after its claim expired still gets the next event', async () => {
    await addEvents(anna, '1')
    await dispatch()
    const late = await claimOne(at(0))
    await claimOne(at(SECONDS))
    await store.deliveries.acknowledge(late, at(SECONDS + 1))
    expect(await claim(at(3 * SECONDS))).toEqual([])
    await addEvents(anna, '2')
    await dispatch(['a'], at(4 * SECONDS))
    expect(await drain(at(4 * SECONDS))).toEqual(['2'])
  })

  test('a failed delivery delays later ones of its user until it is tried again, and no other user', async () => {
    await addEvents(anna, '1', '2')
    await addEvents(bert, '3')
    await dispatch()
    const [first, other] = (await claim(at(0))).toSorted((a, b) => a.id - b.id)
    if (first === undefined || other === undefined) throw new Error('two were due')
    await store.deliveries.postpone(first, { until: at(60), error: 'responded with 500' })
    await store.deliveries.acknowledge(other, at(1))
    await addEvents(bert, '4')
    await dispatch(['a'], at(2))
    expect(await drain(at(59))).toEqual(['4'])
    expect(await list('waiting')).toMatchObject([
      { attempts: 1, lastError: 'responded with 500', nextAttemptAt: at(60) },
      { attempts: 0, lastError: undefined, nextAttemptAt: at(60) },
    ])
    expect(await drain(at(60))).toEqual(['1', '2'])
  })

  test('a delivery that was given up is kept, and the next one of its user is due', async () => {
    await addEvents(anna, '1', '2')
    await dispatch()
    const first = await claimOne(at(0))
    await store.deliveries.moveToDeadLetters(first, { now: at(5), error: 'responded with 400' })
    expect(await drain(at(5))).toEqual(['2'])
    expect(await list('dead')).toEqual([
      {
        id: first.id,
        consumer: 'a',
        state: 'dead',
        userId: anna.id,
        attempts: 1,
        eventId: first.event.id,
        eventType: 'user.disabled',
        occurredAt: at(0),
        lastError: 'responded with 400',
        deadAt: at(5),
        nextAttemptAt: undefined,
      },
    ])
    expect(await store.events()).toHaveLength(1)
  })

  test('postponed deliveries are due when their consumer is up again; in-flight ones are not', async () => {
    await addEvents(anna, '1')
    await addEvents(bert, '2')
    await dispatch(['a', 'b'])
    const [one, two] = await claim(at(0))
    const [elsewhere] = await claim(at(0), 'b')
    if (one === undefined || two === undefined || elsewhere === undefined) throw new Error('all were due')
    await store.deliveries.postpone(one, { until: at(600), error: 'down' })
    await store.deliveries.postpone(elsewhere, { until: at(600), error: 'down' })
    expect(await store.deliveries.resumePostponed('a', at(1), 10)).toBe(1)
    expect(await store.deliveries.resumePostponed('a', at(1), 10)).toBe(0)
    expect((await claim(at(1))).map(({ id }) => id)).toEqual([one.id])
    expect(await claim(at(1), 'b')).toEqual([])
  })

  test('a hastened delivery is due before all others, unless it is in flight or failed too often', async () => {
    const carl = await addUser(store, 'carl')
    await addEvents(carl, '3')
    await dispatch(['a'], at(0))
    await addEvents(anna, '1')
    await addEvents(bert, '2')
    await dispatch(['a', 'b'], at(1))
    const hasten = (ids: readonly UserId[], attemptsAtMost = 2) =>
      store.deliveries.hasten('a', { userIds: ids, now: at(2), attemptsAtMost })
    const all = await claim(at(1))
    const [of3, of1, of2] = ['3', '1', '2'].map((each) => all.find((one) => reasonOf(one) === each))
    if (of1 === undefined || of2 === undefined || of3 === undefined) throw new Error('all were due')
    expect(await hasten([anna.id, bert.id, carl.id])).toBe(0)
    await store.deliveries.postpone(of3, { until: at(1), error: 'down' })
    for (const each of [of1, of2]) await store.deliveries.postpone(each, { until: at(600), error: 'down' })
    expect(await hasten([anna.id], 1)).toBe(0)
    expect(await hasten([anna.id, anna.id, 999_999_999 as UserId])).toBe(1)
    expect(await hasten([])).toBe(0)
    expect(await drain(at(2))).toEqual(['1', '3'])
    expect(await drain(at(600))).toEqual(['2'])
    expect((await claim(at(2), 'b')).map(reasonOf).toSorted()).toEqual(['1', '2'])
  })

  test('announced users are delivered to one consumer only, in batches, as they are', async () => {
    const announce = (after: UserId | undefined, limit = 2) =>
      store.deliveries.announce('a', { after, limit, by: 'service:ops', now: at(5) })
    const carl = await addUser(store, 'carl')
    const first = await announce(undefined)
    expect(first).toEqual({ count: 2, next: bert.id })
    expect(await announce(first.next)).toEqual({ count: 1, next: undefined })
    expect(await store.deliveries.waitingConsumers()).toEqual(['a'])
    // They are not to be dispatched to other consumers.
    expect(await dispatch(['a', 'b'])).toBe(0)
    const claimed = (await claim(at(5))).toSorted((a, b) => a.event.userId - b.event.userId)
    expect(claimed.map(({ event }) => event)).toMatchObject(
      [anna, bert, carl].map((user) => ({
        type: 'user.updated',
        userId: user.id,
        actor: 'service:ops',
        version: 1,
        occurredAt: at(5),
        data: { username: user.username.text, changed: [] },
      })),
    )
    expect(new Set(claimed.map(({ event }) => event.id)).size).toBe(3)
    for (const each of claimed) await store.deliveries.acknowledge(each, at(6))
    expect(await store.events()).toEqual([])
  })

  test('a user for whom a delivery waits is not announced again; one with a dead letter is', async () => {
    await addEvents(anna, '1')
    await addEvents(bert, '2')
    await dispatch(['a'])
    const all = await claim(at(0))
    const ofBert = all.find(({ event }) => event.userId === bert.id)
    if (ofBert === undefined) throw new Error('it was due')
    await store.deliveries.moveToDeadLetters(ofBert, { now: at(1), error: 'x' })
    const announce = () =>
      store.deliveries.announce('a', { after: undefined, limit: 9, by: 'service:ops', now: at(5) })
    expect(await announce()).toEqual({ count: 1, next: undefined })
    expect(await announce()).toEqual({ count: 0, next: undefined })
    expect(await list('waiting')).toMatchObject([{ userId: anna.id }, { userId: bert.id }])
  })

  test('a deleted user is not announced', async () => {
    await inTransaction(store, async (tx) => {
      await tx.users.lock(anna.id)
      await tx.users.save(deleteUser(anna, at(1)))
    })
    const options = { after: undefined, limit: 1, by: 'system', now: at(5) } as const
    expect(await store.deliveries.announce('a', options)).toEqual({ count: 1, next: bert.id })
    expect(await list('waiting')).toMatchObject([{ userId: bert.id }])
  })

  test('a clock that was two years ahead holds up no delivery after it is right', async () => {
    const ahead = (seconds: number) => at(2 * 365 * DAY + seconds)
    await addEvents(anna, '1')
    await addEvents(bert, '2')
    await dispatch(['a'], ahead(0))
    await store.deliveries.postpone(await claimOne(ahead(0)), { until: ahead(5), error: 'down' })
    expect((await drain(at(0))).toSorted()).toEqual(['1', '2'])
  })

  test('a delivery that waits for its longest pause is not due before', async () => {
    await addEvents(anna, '1')
    await dispatch()
    await store.deliveries.postpone(await claimOne(at(0)), { until: at(3600), error: 'down' })
    expect(await drain(at(0))).toEqual([])
    expect(await drain(at(3600))).toEqual(['1'])
  })

  test('old deliveries become dead letters, unless they are in flight or of other consumers', async () => {
    await addEvents(anna, '1')
    await addEvents(bert, '2')
    await dispatch(['a', 'b'], at(0))
    await addEvents(anna, '3')
    await dispatch(['a'], at(DAY))
    expect(await claim(at(DAY))).toHaveLength(2)
    const options = { dispatchedBefore: at(1), now: at(DAY + 1), error: 'down for too long', limit: 10 }
    expect(await store.deliveries.moveOldToDeadLetters('a', options)).toBe(0)
    // The claims have expired.
    const later = { ...options, now: at(DAY + SECONDS) }
    expect(await store.deliveries.moveOldToDeadLetters('a', later)).toBe(2)
    expect(await list('dead')).toMatchObject([
      { userId: anna.id, lastError: 'down for too long', deadAt: at(DAY + SECONDS) },
      { userId: bert.id },
    ])
    expect(await drain(at(DAY + SECONDS))).toEqual(['3'])
    expect(await store.deliveries.waitingConsumers()).toEqual(['b'])
    await addEvents(bert, '4')
    await dispatch(['a'], at(2 * DAY))
    expect(await drain(at(2 * DAY))).toEqual(['4'])
  })

  test('a replayed delivery is tried in its old position, with all its attempts', async () => {
    await addEvents(anna, '1', '2', '3')
    await dispatch()
    const first = await claimOne(at(0))
    await store.deliveries.moveToDeadLetters(first, { now: at(1), error: 'responded with 400' })
    const second = await claimOne(at(1))
    expect(await store.deliveries.replay(first.id, 'service:ops', at(2))).toBe(true)
    expect(await list('dead')).toEqual([])
    // The second is in flight. Then comes the first, before the third.
    expect(await claim(at(2))).toEqual([])
    await store.deliveries.acknowledge(second, at(3))
    expect(await claimOne(at(3))).toMatchObject({ id: first.id, attempts: 1 })
    expect(await drain(at(3 + SECONDS))).toEqual(['1', '3'])
  })

  test('a delivery that is replayed after all others were delivered is due', async () => {
    await addEvents(anna, '1')
    await dispatch()
    const first = await claimOne(at(0))
    await store.deliveries.moveToDeadLetters(first, { now: at(1), error: 'responded with 400' })
    expect(await store.deliveries.waitingConsumers()).toEqual([])
    expect(await store.deliveries.replay(first.id, 'service:ops', at(2))).toBe(true)
    expect(await store.deliveries.waitingConsumers()).toEqual(['a'])
    expect(await drain(at(2))).toEqual(['1'])
    expect(await store.deliveries.replay(first.id, 'service:ops', at(3))).toBe(false)
    expect(await store.events()).toEqual([])
  })

  test('replaying a waiting delivery changes nothing', async () => {
    await addEvents(anna, '1')
    await dispatch()
    const first = await claimOne(at(0))
    await store.deliveries.postpone(first, { until: at(600), error: 'down' })
    const before = await list('waiting')
    expect(await store.deliveries.replay(first.id, 'service:ops', at(1))).toBe(true)
    expect(await list('waiting')).toEqual(before)
    expect(await store.deliveries.replay(first.id + 1000, 'service:ops', at(1))).toBe(false)
  })

  test('dead deliveries of a consumer are replayed in batches, without those that died later', async () => {
    await addEvents(anna, '1', '2', '3')
    await dispatch(['a', 'b'])
    for (const consumer of ['a', 'b']) {
      for (const dead of [1, 2, 10]) {
        await store.deliveries.moveToDeadLetters(await claimOne(at(dead), consumer), {
          now: at(dead),
          error: 'x',
        })
      }
    }
    expect(await store.deliveries.replayAll('a', { by: 'service:ops', now: at(5), limit: 1 })).toBe(1)
    expect(await store.deliveries.replayAll('a', { by: 'service:ops', now: at(5), limit: 10 })).toBe(1)
    expect(await store.deliveries.replayAll('a', { by: 'service:ops', now: at(5), limit: 10 })).toBe(0)
    expect(await store.deliveries.replayAll('nobody', { by: 'service:ops', now: at(5), limit: 10 })).toBe(0)
    expect(await list('dead', 'a')).toHaveLength(1)
    expect(await list('dead', 'b')).toHaveLength(3)
    expect(await drain(at(5))).toEqual(['1', '2'])
  })

  test('dead deliveries are removed after their time, with events that have no other delivery', async () => {
    await addEvents(anna, '1', '2')
    await dispatch(['a', 'b'])
    for (const dead of [1, 2]) {
      await store.deliveries.moveToDeadLetters(await claimOne(at(dead)), { now: at(dead), error: 'x' })
    }
    expect(await drain(at(2), 'b')).toEqual(['1', '2'])
    expect(await store.events()).toHaveLength(2)
    expect(await store.deliveries.removeDead(at(1), 10)).toBe(0)
    expect(await store.deliveries.removeDead(at(2), 10)).toBe(1)
    expect(await store.events()).toHaveLength(1)
    expect(await store.deliveries.removeDead(at(99), 10)).toBe(1)
    expect(await store.events()).toEqual([])
  })

  test('deliveries are listed in pages by id, of one consumer or of all', async () => {
    await addEvents(anna, '1', '2')
    await addEvents(bert, '3')
    await dispatch(['a', 'b'])
    const all = await list('waiting')
    expect(all).toHaveLength(6)
    expect(all.map(({ id }) => id)).toEqual(all.map(({ id }) => id).toSorted((a, b) => a - b))
    expect(await list('waiting', undefined, undefined, 2)).toEqual(all.slice(0, 2))
    expect(await list('waiting', undefined, all[1]?.id, 2)).toEqual(all.slice(2, 4))
    expect(await list('waiting', 'b')).toEqual(all.filter(({ consumer }) => consumer === 'b'))
    expect(await list('waiting', 'nobody')).toEqual([])
    expect(await list('dead')).toEqual([])
  })

  test('parallel claims give each delivery to one worker', async () => {
    const people = await Promise.all(['carl', 'dora', 'emil', 'frida'].map((each) => addUser(store, each)))
    for (const person of people) await addEvents(person, '1', '2')
    await dispatch()
    const claims = await Promise.all(Array.from({ length: 16 }, () => claim(at(0), 'a', 2)))
    const users = claims.flat().map(({ event }) => event.userId)
    expect(users.toSorted()).toEqual(people.map(({ id }) => id).toSorted())
    expect(new Set(claims.flat().map(reasonOf))).toEqual(new Set(['1']))
  })

  test(
    'redacting empties the personal fields of a user’s events, waiting or dead, and no others',
    { tags: ['OUT-9'] },
    async () => {
      const session = aSession({ userId: anna.id, device: aDevice({ name: "Anna's phone" }) })
      await inTransaction(store, (tx) =>
        tx.outbox.add([
          userCreated(anna),
          userDisabled(anna.id, aBan({ since: at(1), publicReason: 'Advertisements' })),
          userEnabled(anna.id, 'Appeal of Anna', at(2)),
        ]),
      )
      await addEvents(bert, 'Ham')
      await dispatch()
      await store.deliveries.moveToDeadLetters(await claimOne(at(0)), { now: at(0), error: 'x' })
      await inTransaction(store, async (tx) => {
        await tx.outbox.add([sessionCreated(session, false)])
        await tx.outbox.redact(anna.id)
      })
      expect((await store.events()).map(({ type, userId, data }) => [type, userId, data])).toEqual([
        ['user.created', anna.id, { username: null }],
        ['user.disabled', anna.id, { reason: null, public_reason: null, until: null }],
        ['user.enabled', anna.id, { note: null }],
        ['user.disabled', bert.id, { reason: 'Ham', public_reason: null, until: null }],
        ['session.created', anna.id, { session_id: session.id, device_name: null, is_new_place: false }],
      ])
      await dispatch()
      const delivered = (await claim(at(1))).filter(({ event }) => event.userId === anna.id)
      expect(delivered[0]?.event.data).toEqual({ reason: null, public_reason: null, until: null })
    },
  )

  test('redacting in a transaction that is rolled back empties nothing', async () => {
    await addEvents(anna, 'Spam')
    const failing = inTransaction(store, async (tx) => {
      await tx.outbox.redact(anna.id)
      throw new Error('changed our mind')
    })
    await expect(failing).rejects.toThrow('changed our mind')
    expect(await store.events()).toMatchObject([{ data: { reason: 'Spam' } }])
  })
})
