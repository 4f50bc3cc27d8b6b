import { describe, expect, test } from 'vitest'
import type { DeliveryReport } from '../../../src/application/outbox/deliver-events.ts'
import { createOutbox } from '../../../src/application/outbox/outbox.ts'
import type { StoredEvent } from '../../../src/application/ports/deliveries.ts'
import { DeliveryFailed, type EventConsumer } from '../../../src/application/ports/event-consumer.ts'
import { ATTEMPTS_AT_MOST, HASTENED_ATTEMPTS, LONGEST_WAIT_SECONDS } from '../../../src/domain/delivery.ts'
import { userDisabled } from '../../../src/domain/event.ts'
import type { User, UserId } from '../../../src/domain/user.ts'
import { addUser, inTransaction } from '../../contracts/store.ts'
import { FakeDeliveries } from '../../fakes/fake-deliveries.ts'
import { createFakeStore } from '../../fakes/fake-store.ts'
import { aBan, at, DAY, HOUR } from '../../support/builders.ts'

class FakeConsumer implements EventConsumer {
  readonly name: string
  /** Acknowledged events: user id and reason. */
  readonly received: [number, string][] = []
  attempts = 0
  /** As the outbox counts the attempts of each event. */
  readonly counted: number[] = []
  /** Throws to refuse the event. */
  respond: (event: StoredEvent) => Promise<void> | void = () => undefined

  constructor(name: string) {
    this.name = name
  }

  wants = () => true

  async receive(event: StoredEvent, _now: Date, attempt: number): Promise<void> {
    this.attempts += 1
    this.counted.push(attempt)
    await this.respond(event)
    this.received.push([event.userId, (event.data as { reason: string }).reason])
  }
}

const refuse = (): never => {
  throw new DeliveryFailed('responded with 500')
}

async function anOutbox(names: readonly string[] = ['a']) {
  const store = createFakeStore()
  const deliveries = new FakeDeliveries(store)
  let seconds = 0
  const clock = { now: () => at(seconds) }
  const news: DeliveryReport[] = []
  const consumers = names.map((name) => new FakeConsumer(name))
  const deps = { deliveries, clock, chance: () => 0, report: (each: DeliveryReport) => news.push(each) }
  const outbox = createOutbox({ ...deps, consumers })
  const [consumer = new FakeConsumer('nobody')] = consumers
  const users: User[] = []
  for (const name of ['anna', 'bert', 'carl', 'dora', 'emil', 'frida']) users.push(await addUser(store, name))
  return {
    store,
    deliveries,
    outbox,
    consumer,
    consumers,
    deps,
    users,
    news,
    kinds: () => news.map(({ kind }) => kind),
    happened: async (index: number, ...reasons: string[]) => {
      const user = users[index]
      if (user === undefined) throw new Error('there is no such user')
      for (const reason of reasons) {
        await inTransaction(store, (tx) =>
          tx.outbox.add([userDisabled(user.id, aBan({ reason, since: clock.now() }))]),
        )
      }
    },
    /** Advances the clock in steps and settles the outbox after each. */
    pass: async (more: number, step = more) => {
      for (const end = seconds + more; seconds < end;) {
        seconds += step
        await outbox.settle()
      }
    },
    dead: () => deliveries.list({ state: 'dead', consumer: undefined, limit: 100, after: undefined }),
    waiting: () => deliveries.list({ state: 'waiting', consumer: undefined, limit: 100, after: undefined }),
  }
}

describe('delivering', () => {
  test('every consumer receives the events of each user in order', async () => {
    const { outbox, consumers, happened, users, store } = await anOutbox(['a', 'b'])
    await happened(0, '1', '2')
    await happened(1, '3')
    await happened(0, '4')
    await outbox.settle()
    for (const { received } of consumers) {
      expect(received.filter(([id]) => id === users[0]?.id).map(([, reason]) => reason)).toEqual([
        '1',
        '2',
        '4',
      ])
      expect(received.filter(([id]) => id === users[1]?.id).map(([, reason]) => reason)).toEqual(['3'])
    }
    expect(store.world().events).toHaveLength(4)
  })

  test('a consumer does not receive events that it does not want', async () => {
    const { outbox, consumer, happened, waiting } = await anOutbox()
    Object.assign(consumer, {
      wants: (event: StoredEvent) => (event.data as { reason: string }).reason === '2',
    })
    await happened(0, '1', '2', '3')
    await outbox.settle()
    expect(consumer.received.map(([, reason]) => reason)).toEqual(['2'])
    expect(await waiting()).toEqual([])
  })

  test('a consumer that never responds delays neither other consumers nor commits', async () => {
    const { outbox, consumers, happened, users } = await anOutbox(['stuck', 'well'])
    const [stuck, well] = consumers
    const release = Promise.withResolvers<undefined>()
    const delivered = Promise.withResolvers<undefined>()
    Object.assign(stuck ?? {}, { respond: () => release.promise })
    Object.assign(well ?? {}, { respond: () => delivered.resolve(undefined) })
    await happened(0, '1')
    outbox.wake()
    await delivered.promise
    await outbox.advance()
    expect(stuck?.received).toEqual([])
    release.resolve(undefined)
    await outbox.stop()
    expect(stuck?.received).toEqual([[users[0]?.id, '1']])
  })

  test('users whose deliveries get no response do not delay other users', async () => {
    const { outbox, consumer, happened, users } = await anOutbox()
    const release = Promise.withResolvers<undefined>()
    const delivered = Promise.withResolvers<undefined>()
    consumer.respond = ({ userId }) => {
      if (userId !== users[5]?.id) return release.promise
      delivered.resolve(undefined)
      return undefined
    }
    for (const user of [0, 1, 2, 3, 4]) await happened(user, 'stuck')
    await happened(5, 'well')
    outbox.wake()
    await delivered.promise
    release.resolve(undefined)
    await outbox.stop()
  })

  test('a delivery of a stopped process is made by the next one after its lease has expired', async () => {
    const { outbox, deps, consumers, consumer, happened, pass } = await anOutbox()
    consumer.respond = () => {
      throw new Error('the process dies here')
    }
    await happened(0, '1')
    // A claim that is never released, as left by a killed process.
    await outbox.advance()
    await outbox.stop()
    consumer.respond = () => undefined
    await pass(60)
    const next = createOutbox({ ...deps, consumers })
    await next.settle()
    expect(consumer.received.map(([, reason]) => reason)).toEqual(['1'])
  })

  test('a stopped outbox claims no more deliveries', async () => {
    const { outbox, consumer, happened } = await anOutbox()
    await outbox.stop()
    await happened(0, '1')
    await outbox.settle()
    expect(consumer.attempts).toBe(0)
  })
})

describe('a delivery that fails', () => {
  test('a failed delivery is retried after 5, 10 and 20 seconds, before the next of that user', async () => {
    const { outbox, consumer, happened, pass, kinds, waiting } = await anOutbox()
    consumer.respond = refuse
    await happened(0, '1', '2')
    await outbox.settle()
    const attempts: number[] = []
    for (let second = 1; second <= 40; second += 1) {
      const before = consumer.attempts
      await pass(1)
      if (consumer.attempts > before) attempts.push(second)
    }
    expect(attempts).toEqual([5, 15, 35])
    expect(await waiting()).toMatchObject([{ lastError: 'responded with 500', attempts: 4 }, { attempts: 0 }])
    consumer.respond = () => undefined
    await pass(60)
    expect(consumer.received.map(([, reason]) => reason)).toEqual(['1', '2'])
    expect(kinds()).toEqual(['failed', 'failed', 'failed', 'failed'])
    expect(consumer.counted).toEqual([1, 2, 3, 4, 5, 1])
  })

  test('operators see only error texts that were written for them', async () => {
    const { outbox, consumer, happened, waiting, news } = await anOutbox()
    const failure = new Error('password hunter2')
    consumer.respond = () => {
      throw failure
    }
    await happened(0, '1')
    await outbox.settle()
    expect(await waiting()).toMatchObject([{ lastError: 'the delivery failed on our side' }])
    expect(news).toContainEqual({ kind: 'interrupted', consumer: 'a', cause: failure })
  })

  test('a delivery that never succeeds delays only its user and becomes a dead letter', async () => {
    const { outbox, consumer, happened, pass, users, dead, kinds } = await anOutbox()
    consumer.respond = ({ data }) => {
      if ((data as { reason: string }).reason === 'poison') refuse()
    }
    await happened(0, 'poison', 'behind it')
    await outbox.settle()
    for (let day = 0; day < 4; day += 1) {
      await happened(1, `day ${day}`)
      await pass(DAY, HOUR)
    }
    const annas = consumer.received.filter(([id]) => id === users[0]?.id)
    expect(consumer.received.filter(([id]) => id === users[1]?.id)).toHaveLength(4)
    expect(annas).toEqual([[users[0]?.id, 'behind it']])
    expect(await dead()).toMatchObject([{ attempts: ATTEMPTS_AT_MOST, lastError: 'responded with 500' }])
    expect(kinds().filter((kind) => kind === 'dead')).toHaveLength(1)
    expect(kinds()).not.toContain('paused')
  })
})

describe('an event that a consumer refuses for good', () => {
  const refuseForGood = (): never => {
    throw new DeliveryFailed('no such mailbox', { isPermanent: true })
  }

  test('an event refused for good is a dead letter after one attempt, and the next one is sent', async () => {
    const { outbox, consumer, happened, dead, waiting, users } = await anOutbox()
    consumer.respond = ({ data }) => {
      if ((data as { reason: string }).reason === 'poison') refuseForGood()
    }
    await happened(0, 'poison', 'behind it')
    await outbox.settle()
    expect(await dead()).toMatchObject([{ attempts: 1, lastError: 'no such mailbox' }])
    expect(await waiting()).toEqual([])
    expect(consumer.received).toEqual([[users[0]?.id, 'behind it']])
  })

  test('events refused for good do not pause the consumer for others', { tags: ['MAIL-9'] }, async () => {
    const { outbox, consumer, happened, kinds, pass } = await anOutbox()
    consumer.respond = refuseForGood
    for (const user of [0, 1, 2, 3, 4, 5]) await happened(user, '1', '2')
    await outbox.settle()
    expect(consumer.attempts).toBe(12)
    expect(new Set(kinds())).toEqual(new Set(['dead']))
    await pass(DAY, HOUR)
    expect(consumer.attempts).toBe(12)
  })

  test('an event refused for now, as others are not, neither pauses nor resumes the consumer', async () => {
    const { outbox, consumer, happened, kinds, pass } = await anOutbox()
    consumer.respond = (): never => {
      throw new DeliveryFailed('greylisted', { isOfThisEvent: true })
    }
    for (const user of [0, 1, 2, 3, 4, 5]) await happened(user, '1')
    await outbox.settle()
    expect(kinds()).toEqual(Array.from({ length: 6 }, () => 'failed'))
    consumer.respond = refuse
    await pass(HOUR, 60)
    expect(kinds()).toContain('paused')
    consumer.respond = (): never => {
      throw new DeliveryFailed('greylisted', { isOfThisEvent: true })
    }
    await pass(HOUR, 60)
    expect(kinds()).not.toContain('resumed')
  })

  test('an event refused for good shows that the consumer is up again', async () => {
    const { outbox, consumer, happened, kinds, pass, waiting } = await anOutbox()
    consumer.respond = refuse
    for (const user of [0, 1, 2, 3, 4]) await happened(user, '1')
    await outbox.settle()
    expect(kinds()).toContain('paused')
    consumer.respond = refuseForGood
    await pass(10, 1)
    expect(kinds()).toContain('resumed')
    expect(await waiting()).toEqual([])
  })
})

describe('a consumer that is down', () => {
  test('a consumer that is down is paused and probed, and receives everything on recovery', async () => {
    const { outbox, consumer, happened, pass, kinds, users } = await anOutbox()
    consumer.respond = refuse
    for (const user of [0, 1, 2, 3, 4, 5]) await happened(user, '1', '2')
    await outbox.settle()
    expect(kinds()).toContain('paused')
    const before = consumer.attempts
    await pass(600, 1)
    // The probes come 5, 10, 20, 40, 80, 120 … seconds apart.
    expect(consumer.attempts - before).toBe(8)
    await pass(6 * HOUR, 10)
    consumer.respond = () => undefined
    // The first success resumes deliveries for all users, so none waits for its own retry.
    for (let seconds = 0; seconds < HOUR && !kinds().includes('resumed'); seconds += 1) await pass(1)
    await outbox.settle()
    expect(kinds().filter((kind) => kind === 'resumed')).toHaveLength(1)
    for (const { id } of users) {
      expect(consumer.received.filter(([user]) => user === id)).toEqual([
        [id, '1'],
        [id, '2'],
      ])
    }
  })

  test('after three days of downtime, waiting events become dead letters and newer ones go on', async () => {
    const { outbox, consumer, happened, pass, dead, waiting, news } = await anOutbox()
    consumer.respond = refuse
    for (const user of [0, 1, 2, 3, 4, 5]) await happened(user, '1', '2')
    await outbox.settle()
    await pass(DAY, 60)
    expect(await dead()).toEqual([])
    await pass(LONGEST_WAIT_SECONDS - DAY - HOUR, 60)
    await happened(0, 'new')
    await pass(8 * HOUR, 60)
    const errors = (await dead()).map(({ lastError, attempts }) => [lastError, attempts > 0])
    expect(errors.filter(([error]) => error === 'the consumer was down for too long').length).toBeGreaterThan(
      5,
    )
    expect(errors).toHaveLength(12)
    expect(news.map(({ kind }) => kind)).toContain('given-up')
    expect(await waiting()).toHaveLength(1)
    consumer.respond = () => undefined
    await pass(6 * HOUR, 60)
    expect(consumer.received.map(([, reason]) => reason)).toEqual(['new'])
  })
})

describe('the clean-up', () => {
  test('the clean-up removes events when there are no consumers', async () => {
    const { outbox, deliveries, happened } = await anOutbox([])
    await happened(0, '1')
    await outbox.advance()
    expect(deliveries.isRemoved(0)).toBe(false)
    await outbox.cleanUp(10)
    expect(deliveries.isRemoved(0)).toBe(true)
  })

  test('the clean-up removes dead letters after a week', async () => {
    const { outbox, deliveries, happened, pass, dead } = await anOutbox()
    await happened(0, '1')
    await deliveries.dispatch(() => ['a'], { now: at(0), limit: 10 })
    const [claimed] = await deliveries.claim('a', { now: at(0), limit: 1, seconds: 1 })
    if (claimed === undefined) throw new Error('it was due')
    await deliveries.moveToDeadLetters(claimed, { now: at(0), error: 'x' })
    await pass(7 * DAY)
    expect(await outbox.cleanUp(10)).toBe(0)
    expect(await dead()).toHaveLength(1)
    await pass(1)
    expect(await outbox.cleanUp(10)).toBe(1)
    expect(await dead()).toEqual([])
  })

  test('after three days, the clean-up gives up deliveries for a consumer that was removed', async () => {
    const { deps, deliveries, happened, pass, dead, waiting } = await anOutbox(['a'])
    await happened(0, '1')
    await deliveries.dispatch(() => ['gone'], { now: at(0), limit: 10 })
    const outbox = createOutbox({ ...deps, consumers: [new FakeConsumer('a')] })
    await pass(LONGEST_WAIT_SECONDS)
    await outbox.cleanUp(10)
    expect(await waiting()).toHaveLength(1)
    await pass(1)
    await outbox.cleanUp(10)
    expect(await waiting()).toEqual([])
    expect(await dead()).toMatchObject([{ consumer: 'gone', lastError: 'the consumer is in no settings' }])
  })
})

describe('a look-up by a consumer', () => {
  test('what waits for the users of a look-up is delivered, although its next attempt is far', async () => {
    const { outbox, consumer, happened, users, waiting } = await anOutbox()
    Object.assign(consumer, { respond: refuse })
    await happened(0, '1')
    await happened(1, '2')
    await outbox.settle()
    Object.assign(consumer, { respond: () => undefined })
    const [anna] = users
    if (anna === undefined) throw new Error('there is no such user')
    await outbox.hasten('a', [anna.id])
    expect(consumer.received).toEqual([[anna.id, '1']])
    expect(await waiting()).toHaveLength(1)
    await outbox.hasten('nobody', [anna.id])
  })

  test('a look-up ends the pause of a consumer that was down', async () => {
    const { outbox, consumer, happened, users, kinds } = await anOutbox()
    Object.assign(consumer, { respond: refuse })
    for (let index = 0; index < users.length; index += 1) await happened(index, String(index))
    await outbox.settle()
    expect(kinds()).toContain('paused')
    Object.assign(consumer, { respond: () => undefined })
    const last = users.at(-1)
    if (last === undefined) throw new Error('there is no such user')
    await outbox.hasten('a', [last.id])
    expect(consumer.received[0]).toEqual([last.id, '5'])
    expect(kinds()).toContain('resumed')
    expect(consumer.received).toHaveLength(users.length)
  })

  test('a look-up for nobody who waits attempts nothing and leaves the pause', async () => {
    const { outbox, consumer, happened, users } = await anOutbox()
    Object.assign(consumer, { respond: refuse })
    for (let index = 0; index < 5; index += 1) await happened(index, String(index))
    await outbox.settle()
    const { attempts } = consumer
    await outbox.hasten('a', [users[5]?.id as UserId])
    await outbox.hasten('a', [])
    expect(consumer.attempts).toBe(attempts)
  })

  test('look-ups do not use up the attempts of a refused delivery', { tags: ['OUT-10'] }, async () => {
    const { outbox, consumer, happened, users, dead } = await anOutbox()
    Object.assign(consumer, { respond: refuse })
    await happened(0, '1')
    await outbox.settle()
    for (let at = 0; at < 2 * ATTEMPTS_AT_MOST; at += 1) await outbox.hasten('a', [users[0]?.id as UserId])
    expect(consumer.attempts).toBe(HASTENED_ATTEMPTS)
    expect(await dead()).toEqual([])
  })
})
